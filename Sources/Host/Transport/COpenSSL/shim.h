/* OpenSSL, and functions for those of its macros that Swift cannot see. */
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

/* What every server of ours has: TLS 1.2 and 1.3, forward secrecy and authenticated encryption only, nothing renegotiated,
   nothing compressed, no session kept by the server. 1: done. */
static inline int co_harden(SSL_CTX *context) {
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                     SSL_OP_PRIORITIZE_CHACHA);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                  SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_read_ahead(context, 1);
    return SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 &&
           SSL_CTX_set1_groups_list(context, "X25519:P-256:P-384") == 1 && SSL_CTX_set_num_tickets(context, 1) == 1 &&
           SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20") == 1;
}

static inline int co_server_name(SSL *session, const char *name) { return SSL_set_tlsext_host_name(session, name) == 1; }
static inline long co_text(BIO *bio, char **text) { return BIO_get_mem_data(bio, text); }
/* A name as RFC 2253 writes it, but for characters beyond ASCII, which stay. */
static const unsigned long CO_RFC2253 = XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB;
