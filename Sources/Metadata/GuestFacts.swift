/// What a node tells one guest about itself: the input of every metadata dialect, and nothing beyond it.
///
/// A value without identity; equal facts render equal answers. Strings are as the VM's owner wrote them.
package struct GuestFacts: Sendable, Equatable {
    package var uuid: String
    package var name: String
    package var owner: String
    /// Public SSH keys in authorized_keys form, one each, in the order the owner gave them.
    package var sshKeys: [String]
    package var userData: String?
    package var vendorData: String?
    package var networkConfig: String?

    package init(
        uuid: String, name: String, owner: String, sshKeys: [String], userData: String? = nil,
        vendorData: String? = nil, networkConfig: String? = nil
    ) {
        self.uuid = uuid
        self.name = name
        self.owner = owner
        self.sshKeys = sshKeys
        self.userData = userData
        self.vendorData = vendorData
        self.networkConfig = networkConfig
    }
}
