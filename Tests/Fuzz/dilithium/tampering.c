// Keys under which anyone can sign, and ways to change a signature.

#include "tampering.h"
#include "shake.h"

#include <string.h>

void manifold_prepare(manifold *keys, const uint8_t public_key[DILITHIUM_PUBLIC_KEY_BYTES]) {
    static const enum dilithium_machine machines[MACHINES] = {DILITHIUM_PORTABLE, DILITHIUM_AVX2, DILITHIUM_AVX512};
    keys->count = 0;
    for (int i = 0; i < MACHINES; i++) {
        keys->count += dilithium_prepare_for(keys->keys + keys->count, machines[i], public_key);
    }
}

uint64_t next_random(uint64_t *state) {
    uint64_t z = *state += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

uint64_t below(uint64_t *state, uint64_t bound) { return next_random(state) % bound; }

// Four bytes hold any 18 bits, and after z there are more.
static uint32_t word_at(const uint8_t *bytes) {
    return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

void put_coefficient(uint8_t *signature, int index, int32_t value) {
    int bit = 18 * index;
    uint8_t *bytes = signature + COMMITMENT_BYTES + bit / 8;
    uint32_t packed = (uint32_t)(GAMMA1 - value) & 0x3ffff, kept = word_at(bytes) & ~(0x3ffffu << bit % 8);
    uint32_t word = kept | packed << bit % 8;
    for (int i = 0; i < 4; i++) bytes[i] = (uint8_t)(word >> 8 * i);
}

int32_t get_coefficient(const uint8_t *signature, int index) {
    int bit = 18 * index;
    return GAMMA1 - (int32_t)(word_at(signature + COMMITMENT_BYTES + bit / 8) >> bit % 8 & 0x3ffff);
}

void random_z(uint8_t *signature, uint64_t *random) {
    enum { LARGEST = GAMMA1 - BETA - 1 };
    for (int i = 0; i < 256 * COLUMNS; i++) {
        put_coefficient(signature, i, (int32_t)below(random, 2 * LARGEST + 1) - LARGEST);
    }
}

void random_hints(uint8_t *signature, uint64_t *random) {
    uint8_t *hints = signature + HINTS;
    unsigned used = 0;
    memset(hints, 0, OMEGA + ROWS);
    for (int row = 0; row < ROWS; row++) {
        unsigned wanted = (unsigned)below(random, 2 * OMEGA / ROWS + 2);
        for (unsigned position = (unsigned)below(random, 4); position < 256 && wanted > 0 && used < OMEGA; wanted--) {
            hints[used++] = (uint8_t)position;
            position += 1 + (unsigned)below(random, below(random, 4) == 0 ? 1 : 20);
        }
        hints[OMEGA + row] = (uint8_t)used;
    }
}

void commit(
    const dilithium_key *key, const uint8_t mu[DILITHIUM_REPRESENTATIVE_BYTES], const uint8_t w1[ROWS * W1_BYTES],
    uint8_t commitment[COMMITMENT_BYTES]) {
    shake state;
    shake256_start(&state);
    state.keccak = key->path->keccak;
    shake_absorb(&state, mu, DILITHIUM_REPRESENTATIVE_BYTES);
    shake_absorb(&state, w1, ROWS * W1_BYTES);
    shake_squeeze(&state, commitment, COMMITMENT_BYTES);
}

int forge(const dilithium_key *key, const uint8_t mu[DILITHIUM_REPRESENTATIVE_BYTES], uint8_t *signature) {
    polynomial challenge = {0};
    uint8_t w1[ROWS * W1_BYTES];
    if (!dilithium_recover(key, signature, challenge, w1)) return 0;
    commit(key, mu, w1, signature);
    return 1;
}

static void tamper_with_hints(uint8_t *hints, uint64_t *random) {
    uint8_t *one = hints + below(random, OMEGA), *other = hints + below(random, OMEGA);
    uint8_t *count = hints + OMEGA + below(random, ROWS);
    uint8_t held = *one;
    switch (below(random, 6)) {
    case 0: *one = *other, *other = held; break;
    case 1: *one = *other; break;
    case 2: *one = (uint8_t)next_random(random); break;
    case 3: *count = (uint8_t)(*count + 1); break;
    case 4: *count = (uint8_t)(*count - 1); break;
    default: *count = (uint8_t)next_random(random); break;
    }
}

void tamper(uint8_t *signature, uint64_t *random) {
    static const int32_t borders[] = {0, 1, -1, 130993, -130993, 130994, -130994, 130995, -131071, 131072};
    switch (below(random, 9)) {
    case 0: signature[below(random, DILITHIUM_SIGNATURE_BYTES)] ^= (uint8_t)(1 << below(random, 8)); break;
    case 1: signature[below(random, COMMITMENT_BYTES)] ^= (uint8_t)(1 + below(random, 255)); break;
    case 2: signature[COMMITMENT_BYTES + below(random, COLUMNS * Z_BYTES)] = (uint8_t)next_random(random); break;
    case 3:
        for (uint64_t left = 1 + below(random, 8); left > 0; left--) {
            put_coefficient(signature, (int)below(random, 256 * COLUMNS), borders[below(random, 10)]);
        }
        break;
    case 4: random_z(signature, random); break;
    case 5: random_hints(signature, random); break;
    case 6: tamper_with_hints(signature + HINTS, random); break;
    case 7:
        for (int i = 0; i < DILITHIUM_SIGNATURE_BYTES; i++) signature[i] = (uint8_t)next_random(random);
        if (below(random, 2) == 0) random_hints(signature, random);
        break;
    default: break;
    }
}
