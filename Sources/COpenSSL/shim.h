#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

// What OpenSSL has as macros, under their own names with "cossl" before them.

static inline int cossl_set_min_version(SSL_CTX *ctx, int version) { return (int)SSL_CTX_set_min_proto_version(ctx, version); }
static inline int cossl_set_max_version(SSL_CTX *ctx, int version) { return (int)SSL_CTX_set_max_proto_version(ctx, version); }
static inline long cossl_set_mode(SSL_CTX *ctx, long mode) { return SSL_CTX_set_mode(ctx, mode); }
static inline long cossl_set_session_cache_mode(SSL_CTX *ctx, long mode) { return SSL_CTX_set_session_cache_mode(ctx, mode); }
static inline int cossl_set_server_name(SSL *ssl, const char *name) { return (int)SSL_set_tlsext_host_name(ssl, name); }
static inline void cossl_set_server_name_callback(SSL_CTX *ctx, int (*callback)(SSL *, int *, void *), void *argument) {
    SSL_CTX_set_tlsext_servername_callback(ctx, callback);
    SSL_CTX_set_tlsext_servername_arg(ctx, argument);
}
static inline int cossl_ticket_keys_size(SSL_CTX *ctx) { return (int)SSL_CTX_get_tlsext_ticket_keys(ctx, NULL, 0); }
static inline int cossl_get_ticket_keys(SSL_CTX *ctx, void *keys, int size) {
    return (int)SSL_CTX_get_tlsext_ticket_keys(ctx, keys, size);
}
static inline int cossl_set_ticket_keys(SSL_CTX *ctx, void *keys, int size) {
    return (int)SSL_CTX_set_tlsext_ticket_keys(ctx, keys, size);
}
static inline int cossl_use_identity(SSL *ssl, X509 *leaf, EVP_PKEY *key, STACK_OF(X509) *chain) {
    return SSL_use_cert_and_key(ssl, leaf, key, chain, 1);
}
static inline int cossl_ctx_use_identity(SSL_CTX *ctx, X509 *leaf, EVP_PKEY *key, STACK_OF(X509) *chain) {
    return SSL_CTX_use_cert_and_key(ctx, leaf, key, chain, 1);
}
static inline SSL *cossl_ssl_of(X509_STORE_CTX *store) {
    return (SSL *)X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
}
static inline void cossl_set_app_data(SSL *ssl, void *data) { SSL_set_app_data(ssl, data); }
static inline void *cossl_app_data(const SSL *ssl) { return SSL_get_app_data(ssl); }
static inline void cossl_set_retry_read(BIO *bio) { BIO_set_retry_read(bio); }
static inline void cossl_clear_retry(BIO *bio) { BIO_clear_retry_flags(bio); }
static inline long cossl_mem_data(BIO *bio, char **data) { return BIO_get_mem_data(bio, data); }

// No renegotiation, no compression; the server's order of ciphers, but ChaCha20 for clients without AES in hardware.
static inline void cossl_set_safe_options(SSL_CTX *ctx) {
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                 SSL_OP_PRIORITIZE_CHACHA);
}

static inline void cossl_no_tickets(SSL_CTX *ctx) { SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET); }

static inline int cossl_print_name(BIO *bio, const X509_NAME *name) {
    return X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB);
}

// Stacks: typed inline functions in C, which Swift doesn't see either.
static inline STACK_OF(X509) *cossl_chain_new(void) { return sk_X509_new_null(); }
static inline int cossl_chain_push(STACK_OF(X509) *chain, X509 *certificate) {
    return X509_up_ref(certificate) && sk_X509_push(chain, certificate) > 0;
}
static inline int cossl_chain_count(const STACK_OF(X509) *chain) { return sk_X509_num(chain); }
static inline X509 *cossl_chain_at(const STACK_OF(X509) *chain, int index) { return sk_X509_value(chain, index); }
static inline void cossl_chain_free(STACK_OF(X509) *chain) { sk_X509_pop_free(chain, X509_free); }
static inline GENERAL_NAMES *cossl_alternative_names(const X509 *certificate) {
    return (GENERAL_NAMES *)X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
}
static inline int cossl_names_count(const GENERAL_NAMES *names) { return sk_GENERAL_NAME_num(names); }
static inline int cossl_names_type(const GENERAL_NAMES *names, int index) {
    return sk_GENERAL_NAME_value(names, index)->type;
}
// The bytes of a DNS name or an IP address, NULL for other types.
static inline const unsigned char *cossl_names_bytes(const GENERAL_NAMES *names, int index, int *count) {
    const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, index);
    if (name->type != GEN_DNS && name->type != GEN_IPADD) return NULL;
    *count = ASN1_STRING_length(name->d.ia5);
    return ASN1_STRING_get0_data(name->d.ia5);
}
static inline void cossl_names_free(GENERAL_NAMES *names) { GENERAL_NAMES_free(names); }
