// libFuzzer: the input is laid over a forged signature that verifies, from its end, then over the public key or the
// message. All paths must agree, alone and in batches, and stay inside their memory.

#include "tampering.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

enum { MESSAGE = 600 };

static uint8_t public_key[DILITHIUM_PUBLIC_KEY_BYTES], message[MESSAGE], base[DILITHIUM_SIGNATURE_BYTES];
static manifold weak;

static void prepare_once(void) {
    uint64_t random = 1;
    if (weak.count > 0) return;
    for (int i = 0; i < 32; i++) public_key[i] = (uint8_t)next_random(&random);
    manifold_prepare(&weak, public_key);
    random_z(base, &random);
    random_hints(base, &random);
}

// Lays bytes over the end of a buffer, going backwards. Returns how many were used.
static size_t lay_over(uint8_t *buffer, size_t size, const uint8_t *bytes, size_t count) {
    size_t used = count < size ? count : size;
    for (size_t i = 0; i < used; i++) buffer[size - 1 - i] ^= bytes[i];
    return used;
}

static void require(int truth) {
    if (!truth) abort();
}

static void compare(
    const manifold *keys, const dilithium_part *part, const uint8_t *signature, size_t size, unsigned allowed) {
    dilithium_request requests[2 * MACHINES + 1];
    unsigned verdicts[2 * MACHINES + 1], expected = 0;
    uint8_t w1[2][ROWS * W1_BYTES];
    for (int i = 0; i < keys->count; i++) {
        const dilithium_key *key = keys->keys + i;
        polynomial challenge;
        dilithium_challenge(key->path->keccak, challenge, signature);
        memset(w1[i > 0], 0, sizeof w1[0]);
        int sound = dilithium_recover(key, signature, challenge, w1[i > 0]);
        if (i > 0) require(!sound || memcmp(w1[0], w1[1], sizeof w1[0]) == 0);
        unsigned verdict = dilithium_verify(key, part, 1, signature, size, allowed, allowed);
        if (i == 0) expected = verdict;
        require(verdict == expected && (sound || verdict == 0));
    }
    size_t together = 0;
    for (int i = 0; i < 2 * keys->count + 1; i++) {
        requests[together++] =
            (dilithium_request){keys->keys + i % keys->count, part, 1, signature, size, allowed, 0};
    }
    dilithium_verify_batch(requests, together, verdicts);
    for (size_t i = 0; i < together; i++) require(verdicts[i] == expected);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
    if (count == 0) return 0;
    prepare_once();
    uint8_t flags = *bytes++;
    count--;
    // On the heap, each as long as it is: the sanitizer sees the first byte beyond.
    uint8_t *signature = malloc(sizeof base), *text = malloc(MESSAGE);
    static manifold other;
    const manifold *keys = &weak;
    if (!signature || !text) abort();
    memcpy(signature, base, sizeof base);
    memcpy(text, message, MESSAGE);
    size_t used = lay_over(signature, sizeof base, bytes, count);
    if (flags & 1) {
        uint8_t changed[DILITHIUM_PUBLIC_KEY_BYTES];
        memcpy(changed, public_key, sizeof changed);
        lay_over(changed, sizeof changed, bytes + used, count - used);
        manifold_prepare(&other, changed);
        keys = &other;
    } else {
        lay_over(text, MESSAGE, bytes + used, count - used);
    }
    dilithium_part part = {text, (size_t)(flags >> 3) * MESSAGE / 32};
    enum dilithium_variant variant = (enum dilithium_variant)(1 << (flags >> 3) % 3);
    uint8_t mu[DILITHIUM_REPRESENTATIVE_BYTES];
    dilithium_represent(keys->keys, &part, 1, variant, mu);
    if (flags & 2) forge(keys->keys, mu, signature);
    compare(keys, &part, signature, sizeof base, flags & 4 ? 7 : variant);
    free(signature);
    free(text);
    return 0;
}
