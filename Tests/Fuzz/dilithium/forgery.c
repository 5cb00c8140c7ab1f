// Signatures without a secret. What a signature commits to is all that depends on its message.

#include "forgery.h"
#include "tampering.h"

#include <string.h>

_Static_assert(FORGERY_KEY_BYTES == DILITHIUM_PUBLIC_KEY_BYTES, "one key");
_Static_assert(FORGERY_SIGNATURE_BYTES == DILITHIUM_SIGNATURE_BYTES, "one signature");

void forgery_key(uint8_t number, uint8_t key[FORGERY_KEY_BYTES]) {
    uint64_t random = number;
    memset(key, 0, FORGERY_KEY_BYTES);
    for (int i = 0; i < 32; i++) key[i] = (uint8_t)next_random(&random);
}

void forgery_sign(
    uint8_t number, const uint8_t *message, size_t count, uint32_t variant,
    uint8_t signature[FORGERY_SIGNATURE_BYTES]) {
    uint8_t public_key[FORGERY_KEY_BYTES], mu[DILITHIUM_REPRESENTATIVE_BYTES];
    uint64_t random = 1;
    dilithium_key key;
    dilithium_part part = {message, count};
    forgery_key(number, public_key);
    dilithium_prepare(&key, public_key);
    dilithium_represent(&key, &part, 1, (enum dilithium_variant)variant, mu);
    random_z(signature, &random);
    random_hints(signature, &random);
    forge(&key, mu, signature);
}
