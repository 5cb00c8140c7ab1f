/* What Python's ctypes calls. */
#include <dilithium.h>
#include <stdlib.h>

dilithium_key *peer_prepare(const uint8_t *public_key) {
    dilithium_key *key = aligned_alloc(64, (sizeof *key + 63) / 64 * 64);
    if (key) dilithium_prepare(key, public_key);
    return key;
}

int peer_verify(const dilithium_key *key, const uint8_t *message, size_t count, const uint8_t *signature,
                size_t signature_bytes) {
    dilithium_part part = {message, count};
    return dilithium_verify(key, &part, 1, signature, signature_bytes, DILITHIUM_MLDSA44, DILITHIUM_MLDSA44) != 0;
}
