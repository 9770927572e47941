/* OpenSSL, and functions for those of its macros that Swift cannot see. */
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdint.h>

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
static const int CO_ED25519 = EVP_PKEY_ED25519;

/* A public key of these parameters; NULL when there is none. Names of parameters are referred to until the key is made, so that
   they must be C's. */
static inline EVP_PKEY *co_public_key(const char *type, OSSL_PARAM *parameters) {
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    EVP_PKEY *key = NULL;
    if (context && parameters && EVP_PKEY_fromdata_init(context) == 1)
        EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, parameters);
    EVP_PKEY_CTX_free(context);
    return key;
}

/* By a point on P-256, uncompressed. */
static inline EVP_PKEY *co_p256_key(const unsigned char *point, size_t count) {
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)"P-256", 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, (void *)point, count), OSSL_PARAM_construct_end()};
    return co_public_key("EC", parameters);
}

static inline EVP_PKEY *co_rsa_key(const BIGNUM *modulus, const BIGNUM *exponent) {
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    OSSL_PARAM *parameters = NULL;
    if (builder && OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, modulus) == 1 &&
        OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, exponent) == 1)
        parameters = OSSL_PARAM_BLD_to_param(builder);
    EVP_PKEY *key = co_public_key("RSA", parameters);
    OSSL_PARAM_free(parameters);
    OSSL_PARAM_BLD_free(builder);
    return key;
}

/* AES-256-GCM with a nonce of 12 bytes and a tag of 16, bound to a name. 1: done; else nothing in the output is to be used. */
static inline int co_gcm_seal(const unsigned char *key, const unsigned char *nonce, const char *name, size_t name_count,
                              const unsigned char *in, size_t count, unsigned char *out, unsigned char *tag) {
    int done = 0, ok = 0;
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    if (context && name_count < INT32_MAX && count < INT32_MAX)
        ok = EVP_EncryptInit_ex(context, EVP_aes_256_gcm(), NULL, key, nonce) == 1 &&
             EVP_EncryptUpdate(context, NULL, &done, (const unsigned char *)name, (int)name_count) == 1 &&
             EVP_EncryptUpdate(context, out, &done, in, (int)count) == 1 && EVP_EncryptFinal_ex(context, out + done, &done) == 1 &&
             EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_GET_TAG, 16, tag) == 1;
    EVP_CIPHER_CTX_free(context);
    return ok;
}

static inline int co_gcm_open(const unsigned char *key, const unsigned char *nonce, const char *name, size_t name_count,
                              const unsigned char *in, size_t count, unsigned char *out, unsigned char *tag) {
    int done = 0, ok = 0;
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    if (context && name_count < INT32_MAX && count < INT32_MAX)
        ok = EVP_DecryptInit_ex(context, EVP_aes_256_gcm(), NULL, key, nonce) == 1 &&
             EVP_DecryptUpdate(context, NULL, &done, (const unsigned char *)name, (int)name_count) == 1 &&
             EVP_DecryptUpdate(context, out, &done, in, (int)count) == 1 &&
             EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_SET_TAG, 16, tag) == 1 &&
             EVP_DecryptFinal_ex(context, out + done, &done) == 1;
    EVP_CIPHER_CTX_free(context);
    return ok;
}
