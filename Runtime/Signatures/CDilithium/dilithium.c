// Preparing keys and verifying signatures: FIPS 204, algorithm 8, with mu computed last, so that one pass over the
// arithmetic serves every variant.

#include "dilithium.h"
#include "dilithium_path.h"
#include "shake.h"

#include <string.h>

// A signature: the commitment hash, z, the hints.
enum { Z_OFFSET = COMMITMENT_BYTES, HINT_OFFSET = Z_OFFSET + COLUMNS * Z_BYTES };
_Static_assert(HINT_OFFSET + OMEGA + ROWS == DILITHIUM_SIGNATURE_BYTES, "FIPS 204, table 2");

// MARK: - the key

// RejNTTPoly (algorithm 30): coefficients in 0..<q, three bytes each, too large ones skipped.
static void expand(polynomial x, const uint8_t seed[32], uint8_t row, uint8_t column) {
    uint8_t block[168];
    const uint8_t position[2] = {column, row};
    shake state;
    shake128_start(&state);
    shake_absorb(&state, seed, 32);
    shake_absorb(&state, position, sizeof position);
    for (int filled = 0; filled < 256;) {
        shake_squeeze(&state, block, sizeof block);
        for (size_t i = 0; i < sizeof block && filled < 256; i += 3) {
            int32_t candidate = block[i] | block[i + 1] << 8 | (block[i + 2] & 0x7f) << 16;
            if (candidate < MODULUS) x[filled++] = candidate;
        }
    }
}

// SimpleBitUnpack of t1 (algorithm 18), times 2^13.
static void unpack_target(polynomial t, const uint8_t bytes[T1_BYTES]) {
    for (int i = 0; i < 256; i += 4, bytes += 5) {
        t[i] = (bytes[0] | (bytes[1] & 0x03) << 8) << SHIFT;
        t[i + 1] = (bytes[1] >> 2 | (bytes[2] & 0x0f) << 6) << SHIFT;
        t[i + 2] = (bytes[2] >> 4 | (bytes[3] & 0x3f) << 4) << SHIFT;
        t[i + 3] = (bytes[3] >> 6 | bytes[4] << 2) << SHIFT;
    }
}

static void prepare(
    dilithium_key *key, const struct dilithium_path *path, const uint8_t public_key[DILITHIUM_PUBLIC_KEY_BYTES]) {
    key->path = path;
    for (uint8_t row = 0; row < ROWS; row++) {
        for (uint8_t column = 0; column < COLUMNS; column++) expand(key->matrix[row][column], public_key, row, column);
        unpack_target(key->target[row], public_key + 32 + row * T1_BYTES);
        path->transform(key->target[row]);
    }
    shake state;
    shake256_start(&state);
    shake_absorb(&state, public_key, DILITHIUM_PUBLIC_KEY_BYTES);
    shake_squeeze(&state, key->hash, sizeof key->hash);
}

void dilithium_prepare(dilithium_key *key, const uint8_t public_key[DILITHIUM_PUBLIC_KEY_BYTES]) {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2")) {
        prepare(key, &dilithium_avx2, public_key);
        return;
    }
#endif
    dilithium_prepare_portable(key, public_key);
}

void dilithium_prepare_portable(dilithium_key *key, const uint8_t public_key[DILITHIUM_PUBLIC_KEY_BYTES]) {
    prepare(key, &dilithium_portable, public_key);
}

// MARK: - the message

void dilithium_represent(
    const dilithium_key *key, const dilithium_part *message, size_t parts, enum dilithium_variant variant,
    uint8_t representative[DILITHIUM_REPRESENTATIVE_BYTES]) {
    static const uint8_t pure_and_empty_context[2] = {0, 0};
    shake state;
    shake256_start(&state);
    shake_absorb(&state, key->hash, variant == DILITHIUM_ROUND31 ? 32 : sizeof key->hash);
    if (variant == DILITHIUM_MLDSA44) shake_absorb(&state, pure_and_empty_context, sizeof pure_and_empty_context);
    for (size_t i = 0; i < parts; i++) shake_absorb(&state, message[i].bytes, message[i].count);
    shake_squeeze(&state, representative, DILITHIUM_REPRESENTATIVE_BYTES);
}

// MARK: - the signature

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

// SampleInBall (algorithm 29): tau coefficients of 1 or -1.
static void sample_challenge(polynomial c, const uint8_t commitment[COMMITMENT_BYTES]) {
    uint8_t signs[8], position;
    shake state;
    shake256_start(&state);
    shake_absorb(&state, commitment, COMMITMENT_BYTES);
    shake_squeeze(&state, signs, sizeof signs);
    memset(c, 0, sizeof(polynomial));
    for (int i = 256 - TAU, bit = 0; i < 256; i++, bit++) {
        do shake_squeeze(&state, &position, 1);
        while (position > i);
        c[i] = c[position];
        c[position] = signs[bit / 8] >> bit % 8 & 1 ? -1 : 1;
    }
}

// The high bits of A z - c t1 2^13, corrected by the hints and packed. Returns 0 for a malformed signature.
static int recover(const dilithium_key *key, const uint8_t *signature, uint8_t w1[ROWS * W1_BYTES]) {
    polynomial z[COLUMNS], challenge, w;
    struct hints hints;
    if (!read_hints(&hints, signature + HINT_OFFSET)) return 0;
    for (int column = 0; column < COLUMNS; column++) {
        if (!key->path->unpack(z[column], signature + Z_OFFSET + column * Z_BYTES)) return 0;
    }
    for (int column = 0; column < COLUMNS; column++) key->path->transform(z[column]);
    sample_challenge(challenge, signature);
    key->path->transform(challenge);
    for (int row = 0, first = 0; row < ROWS; first = hints.ends[row++]) {
        key->path->combine(w, key->matrix[row], z, challenge, key->target[row]);
        use_hints(w, hints.positions + first, hints.ends[row] - (unsigned)first);
        key->path->pack_high(w1 + row * W1_BYTES, w);
    }
    return 1;
}

static int commits(
    const uint8_t *signature, const uint8_t representative[DILITHIUM_REPRESENTATIVE_BYTES],
    const uint8_t w1[ROWS * W1_BYTES]) {
    uint8_t commitment[COMMITMENT_BYTES];
    shake state;
    shake256_start(&state);
    shake_absorb(&state, representative, DILITHIUM_REPRESENTATIVE_BYTES);
    shake_absorb(&state, w1, ROWS * W1_BYTES);
    shake_squeeze(&state, commitment, sizeof commitment);
    return memcmp(commitment, signature, sizeof commitment) == 0;
}

unsigned dilithium_verify(
    const dilithium_key *key, const dilithium_part *message, size_t parts, const uint8_t *signature,
    size_t signature_bytes, unsigned allowed, unsigned preferred) {
    static const enum dilithium_variant variants[3] = {DILITHIUM_MLDSA44, DILITHIUM_IPD, DILITHIUM_ROUND31};
    uint8_t w1[ROWS * W1_BYTES], representative[DILITHIUM_REPRESENTATIVE_BYTES];
    if (signature_bytes != DILITHIUM_SIGNATURE_BYTES || !recover(key, signature, w1)) return 0;
    // Twice over the variants: first those preferred, then the others.
    for (unsigned turn = 0; turn < 2; turn++) {
        unsigned wanted = allowed & (turn == 0 ? preferred : ~preferred);
        for (int i = 0; i < 3; i++) {
            if (!(wanted & variants[i])) continue;
            dilithium_represent(key, message, parts, variants[i], representative);
            if (commits(signature, representative, w1)) return variants[i];
        }
    }
    return 0;
}

int dilithium_verify_representative(
    const dilithium_key *key, const uint8_t representative[DILITHIUM_REPRESENTATIVE_BYTES], const uint8_t *signature,
    size_t signature_bytes) {
    uint8_t w1[ROWS * W1_BYTES];
    return signature_bytes == DILITHIUM_SIGNATURE_BYTES && recover(key, signature, w1)
        && commits(signature, representative, w1);
}
