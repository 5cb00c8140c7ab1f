// Signatures without a secret, for whoever needs many: under a key whose t1 is 0 anyone can sign.

#ifndef OUTRIGGER_FORGERY_H
#define OUTRIGGER_FORGERY_H

#include <stddef.h>
#include <stdint.h>

#define FORGERY_KEY_BYTES 1312
#define FORGERY_SIGNATURE_BYTES 2420

/// One of many such keys.
void forgery_key(uint8_t number, uint8_t key[_Nonnull FORGERY_KEY_BYTES]);

/// A signature that verifies under that key, as a variant of dilithium.h; the same each time.
void forgery_sign(
    uint8_t number, const uint8_t *_Nullable message, size_t count, uint32_t variant,
    uint8_t signature[_Nonnull FORGERY_SIGNATURE_BYTES]);

#endif
