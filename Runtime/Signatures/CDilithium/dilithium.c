// Verifying a signature: FIPS 204, algorithm 8, with mu computed last, so that one pass over the arithmetic serves
// every variant.

#include "dilithium.h"
#include "dilithium_path.h"
#include "shake.h"

#include <string.h>

// A signature: the commitment hash, z, the hints.
enum { Z_OFFSET = COMMITMENT_BYTES, HINT_OFFSET = Z_OFFSET + COLUMNS * Z_BYTES };
_Static_assert(HINT_OFFSET + OMEGA + ROWS == DILITHIUM_SIGNATURE_BYTES, "FIPS 204, table 2");

// MARK: - the message

size_t dilithium_head(const dilithium_key *key, unsigned variant, uint8_t head[66]) {
    memcpy(head, key->hash, sizeof key->hash);
    if (variant == DILITHIUM_ROUND31) return 32;
    // "Pure", and an empty context.
    head[64] = head[65] = 0;
    return variant == DILITHIUM_MLDSA44 ? 66 : 64;
}

void dilithium_represent(
    const dilithium_key *key, const dilithium_part *message, size_t parts, enum dilithium_variant variant,
    uint8_t representative[DILITHIUM_REPRESENTATIVE_BYTES]) {
    uint8_t head[66];
    size_t count = dilithium_head(key, variant, head);
    shake state;
    shake256_start(&state);
    state.keccak = key->path->keccak;
    shake_absorb(&state, head, count);
    for (size_t i = 0; i < parts; i++) shake_absorb(&state, message[i].bytes, message[i].count);
    shake_squeeze(&state, representative, DILITHIUM_REPRESENTATIVE_BYTES);
}

// MARK: - the hints

// The positions of the ones in h, polynomial by polynomial: those of polynomial i end at ends[i].
struct hints {
    const uint8_t *positions;
    const uint8_t *ends;
};

// HintBitUnpack (algorithm 21) without the unpacking. Returns 0 for what is not the one encoding of its hints.
static int read_hints(struct hints *hints, const uint8_t bytes[OMEGA + ROWS]) {
    *hints = (struct hints){.positions = bytes, .ends = bytes + OMEGA};
    unsigned position = 0;
    for (int row = 0; row < ROWS; row++) {
        unsigned first = position, end = hints->ends[row];
        if (end < first || end > OMEGA) return 0;
        for (; position < end; position++) {
            if (position > first && bytes[position] <= bytes[position - 1]) return 0;
        }
    }
    for (; position < OMEGA; position++) {
        if (bytes[position] != 0) return 0;
    }
    return 1;
}

// UseHint (algorithm 40): a hint moves the high bits of its coefficient to the nearer neighbour, which is the same as
// moving the coefficient by a whole interval, since 2 gamma2 divides q - 1.
static void use_hints(polynomial w, const uint8_t *positions, unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        int32_t *x = w + positions[i];
        int32_t low = *x % (2 * GAMMA2);
        *x += low > 0 && low <= GAMMA2 ? 2 * GAMMA2 : -2 * GAMMA2;
        if (*x < 0) *x += MODULUS;
        if (*x >= MODULUS) *x -= MODULUS;
    }
}

// MARK: - the challenge

// Goes on with SampleInBall at step i. Returns the step at which the bytes were used up; 256 is the end.
static int place_ones(polynomial c, int i, uint64_t signs, const uint8_t *bytes, size_t count) {
    for (size_t j = 0; j < count && i < 256; j++) {
        int position = bytes[j];
        if (position > i) continue;
        c[i] = c[position];
        c[position] = 1 - 2 * (int32_t)(signs >> (i - (256 - TAU)) & 1);
        i++;
    }
    return i;
}

void dilithium_challenge(const struct keccak *keccak, polynomial c, const uint8_t commitment[COMMITMENT_BYTES]) {
    uint8_t block[SHAKE256_RATE];
    shake state;
    shake256_start(&state);
    state.keccak = keccak;
    shake_absorb(&state, commitment, COMMITMENT_BYTES);
    shake_squeeze(&state, block, sizeof block);
    memset(c, 0, sizeof(polynomial));
    uint64_t signs = keccak_load(block);
    for (int i = place_ones(c, 256 - TAU, signs, block + 8, sizeof block - 8); i < 256;) {
        shake_squeeze(&state, block, sizeof block);
        i = place_ones(c, i, signs, block, sizeof block);
    }
}

void dilithium_challenge_four(const struct keccak *keccak, polynomial c[4], const uint8_t *const commitments[4]) {
    keccak_states states = {0};
    for (int which = 0; which < 4; which++) {
        for (int i = 0; i < COMMITMENT_BYTES / 8; i++) states.lanes[i][which] = keccak_load(commitments[which] + 8 * i);
        states.lanes[COMMITMENT_BYTES / 8][which] = 0x1f;
        states.lanes[SHAKE256_RATE / 8 - 1][which] = 1ull << 63;
    }
    keccak->permute_four(&states);
    for (int which = 0; which < 4; which++) {
        uint8_t block[SHAKE256_RATE];
        for (int i = 0; i < SHAKE256_RATE / 8; i++) keccak_store(block + 8 * i, states.lanes[i][which]);
        memset(c[which], 0, sizeof(polynomial));
        // One block is enough, all but certainly: 39 of its 128 positions have to be in range.
        if (place_ones(c[which], 256 - TAU, keccak_load(block), block + 8, sizeof block - 8) == 256) continue;
        dilithium_challenge(keccak, c[which], commitments[which]);
    }
}

// MARK: - the signature

int dilithium_recover(
    const dilithium_key *key, const uint8_t signature[DILITHIUM_SIGNATURE_BYTES], polynomial challenge,
    uint8_t w1[ROWS * W1_BYTES]) {
    _Alignas(64) polynomial z[COLUMNS];
    _Alignas(64) polynomial w;
    struct hints hints;
    if (!read_hints(&hints, signature + HINT_OFFSET)) return 0;
    for (int column = 0; column < COLUMNS; column++) {
        if (!key->path->unpack(z[column], signature + Z_OFFSET + column * Z_BYTES)) return 0;
    }
    for (int column = 0; column < COLUMNS; column++) key->path->transform(z[column]);
    key->path->transform(challenge);
    for (int row = 0, first = 0; row < ROWS; first = hints.ends[row++]) {
        key->path->combine(w, key->matrix[row], z, challenge, key->target[row]);
        use_hints(w, hints.positions + first, hints.ends[row] - (unsigned)first);
        key->path->pack_high(w1 + row * W1_BYTES, w);
    }
    return 1;
}

static int recover(const dilithium_key *key, const uint8_t *signature, size_t bytes, uint8_t w1[ROWS * W1_BYTES]) {
    _Alignas(64) polynomial challenge;
    if (bytes != DILITHIUM_SIGNATURE_BYTES) return 0;
    dilithium_challenge(key->path->keccak, challenge, signature);
    return dilithium_recover(key, signature, challenge, w1);
}

static int commits(
    const dilithium_key *key, const uint8_t *signature, const uint8_t representative[DILITHIUM_REPRESENTATIVE_BYTES],
    const uint8_t w1[ROWS * W1_BYTES]) {
    uint8_t commitment[COMMITMENT_BYTES];
    shake state;
    shake256_start(&state);
    state.keccak = key->path->keccak;
    shake_absorb(&state, representative, DILITHIUM_REPRESENTATIVE_BYTES);
    shake_absorb(&state, w1, ROWS * W1_BYTES);
    shake_squeeze(&state, commitment, sizeof commitment);
    return memcmp(commitment, signature, sizeof commitment) == 0;
}

unsigned dilithium_take_variant(unsigned *allowed, unsigned preferred) {
    static const unsigned variants[3] = {DILITHIUM_MLDSA44, DILITHIUM_IPD, DILITHIUM_ROUND31};
    unsigned wanted = *allowed & preferred ? *allowed & preferred : *allowed;
    for (int i = 0; i < 3; i++) {
        if (!(wanted & variants[i])) continue;
        *allowed &= ~variants[i];
        return variants[i];
    }
    return 0;
}

unsigned dilithium_verify(
    const dilithium_key *key, const dilithium_part *message, size_t parts, const uint8_t *signature,
    size_t signature_bytes, unsigned allowed, unsigned preferred) {
    uint8_t w1[ROWS * W1_BYTES], representative[DILITHIUM_REPRESENTATIVE_BYTES];
    if (!recover(key, signature, signature_bytes, w1)) return 0;
    for (unsigned variant; (variant = dilithium_take_variant(&allowed, preferred));) {
        dilithium_represent(key, message, parts, (enum dilithium_variant)variant, representative);
        if (commits(key, signature, representative, w1)) return variant;
    }
    return 0;
}

int dilithium_verify_representative(
    const dilithium_key *key, const uint8_t representative[DILITHIUM_REPRESENTATIVE_BYTES], const uint8_t *signature,
    size_t signature_bytes) {
    uint8_t w1[ROWS * W1_BYTES];
    return recover(key, signature, signature_bytes, w1) && commits(key, signature, representative, w1);
}
