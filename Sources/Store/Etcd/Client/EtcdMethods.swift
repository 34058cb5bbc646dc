/// The methods of etcd that the store calls.
enum EtcdMethods {
    static let range = GRPCMethod<EtcdRangeRequest, EtcdRangeResponse>(path: "/etcdserverpb.KV/Range")
    static let transaction = GRPCMethod<EtcdTxnRequest, EtcdTxnResponse>(path: "/etcdserverpb.KV/Txn")
    static let compact = GRPCMethod<EtcdCompactionRequest, EtcdCompactionResponse>(path: "/etcdserverpb.KV/Compact")
    static let watch = GRPCMethod<EtcdWatchRequest, EtcdWatchResponse>(path: "/etcdserverpb.Watch/Watch")
    static let grant = GRPCMethod<EtcdLeaseGrantRequest, EtcdLeaseGrantResponse>(
        path: "/etcdserverpb.Lease/LeaseGrant")
    static let revoke = GRPCMethod<EtcdLeaseRevokeRequest, EtcdLeaseRevokeResponse>(
        path: "/etcdserverpb.Lease/LeaseRevoke")
    /// A stream both ways; here each carries one question and its answer.
    static let keepAlive = GRPCMethod<EtcdLeaseKeepAliveRequest, EtcdLeaseKeepAliveResponse>(
        path: "/etcdserverpb.Lease/LeaseKeepAlive")
    static let members = GRPCMethod<EtcdMemberListRequest, EtcdMemberListResponse>(
        path: "/etcdserverpb.Cluster/MemberList")
    static let authenticate = GRPCMethod<EtcdAuthenticateRequest, EtcdAuthenticateResponse>(
        path: "/etcdserverpb.Auth/Authenticate")
}
