// SHA-256 of eight messages at a time: each vector holds one word of all of them.

#include "sha256_eight.h"

#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>

enum { LANES = 8, BLOCK_BYTES = 64, DIGEST_BYTES = 32 };

static const uint32_t initial[8] = {
    0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
};

static const uint32_t constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98,
    0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786,
    0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8,
    0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13,
    0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819,
    0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a,
    0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
    0xc67178f2,
};

/// A message as blocks: the whole ones where it lies, the last one or two, with the padding, here.
typedef struct {
    const uint8_t *bytes;
    size_t whole;
    size_t blocks;
    uint8_t end[2 * BLOCK_BYTES];
} padded;

static void pad(padded *message, const uint8_t *bytes, size_t count) {
    size_t rest = count % BLOCK_BYTES;
    size_t ends = rest + 9 > BLOCK_BYTES ? 2 : 1;
    message->bytes = bytes;
    message->whole = count / BLOCK_BYTES;
    message->blocks = message->whole + ends;
    memset(message->end, 0, sizeof message->end);
    if (rest > 0) memcpy(message->end, bytes + count - rest, rest);
    message->end[rest] = 0x80;
    uint64_t bits = __builtin_bswap64((uint64_t)count * 8);
    memcpy(message->end + ends * BLOCK_BYTES - sizeof bits, &bits, sizeof bits);
}

// A lane that is done goes on with any block, for nothing.
static const uint8_t *block(const padded *message, size_t index) {
    if (index < message->whole) return message->bytes + index * BLOCK_BYTES;
    return message->end + (index < message->blocks ? index - message->whole : 0) * BLOCK_BYTES;
}

#define AVX2 __attribute__((target("avx2")))
#define ROTATED(x, n) _mm256_or_si256(_mm256_srli_epi32(x, n), _mm256_slli_epi32(x, 32 - (n)))
#define XOR(x, y, z) _mm256_xor_si256(_mm256_xor_si256(x, y), z)

// Rows of eight words become columns.
AVX2 static inline void transpose(__m256i rows[LANES]) {
    __m256i pairs[LANES], quads[LANES];
    for (int i = 0; i < LANES; i += 2) {
        pairs[i] = _mm256_unpacklo_epi32(rows[i], rows[i + 1]);
        pairs[i + 1] = _mm256_unpackhi_epi32(rows[i], rows[i + 1]);
    }
    for (int i = 0; i < LANES; i += 4) {
        quads[i] = _mm256_unpacklo_epi64(pairs[i], pairs[i + 2]);
        quads[i + 1] = _mm256_unpackhi_epi64(pairs[i], pairs[i + 2]);
        quads[i + 2] = _mm256_unpacklo_epi64(pairs[i + 1], pairs[i + 3]);
        quads[i + 3] = _mm256_unpackhi_epi64(pairs[i + 1], pairs[i + 3]);
    }
    for (int i = 0; i < 4; i++) {
        rows[i] = _mm256_permute2x128_si256(quads[i], quads[i + 4], 0x20);
        rows[i + 4] = _mm256_permute2x128_si256(quads[i], quads[i + 4], 0x31);
    }
}

AVX2 static inline __m256i round_words(__m256i words[16], int round) {
    if (round < 16) return words[round];
    __m256i early = words[(round + 1) & 15], late = words[(round + 14) & 15];
    __m256i low = XOR(ROTATED(early, 7), ROTATED(early, 18), _mm256_srli_epi32(early, 3));
    __m256i high = XOR(ROTATED(late, 17), ROTATED(late, 19), _mm256_srli_epi32(late, 10));
    __m256i sum = _mm256_add_epi32(_mm256_add_epi32(words[round & 15], low), words[(round + 9) & 15]);
    return words[round & 15] = _mm256_add_epi32(sum, high);
}

AVX2 static void absorb(__m256i state[8], const padded messages[LANES], size_t index) {
    const __m256i swap = _mm256_setr_epi8(
        3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12, 3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12);
    __m256i words[16];
    for (int lane = 0; lane < LANES; lane++) {
        const __m256i *bytes = (const __m256i *)(const void *)block(&messages[lane], index);
        words[lane] = _mm256_shuffle_epi8(_mm256_loadu_si256(bytes), swap);
        words[lane + 8] = _mm256_shuffle_epi8(_mm256_loadu_si256(bytes + 1), swap);
    }
    transpose(words);
    transpose(words + 8);
    __m256i a = state[0], b = state[1], c = state[2], d = state[3];
    __m256i e = state[4], f = state[5], g = state[6], h = state[7];
#pragma clang loop unroll(full)
    for (int round = 0; round < 64; round++) {
        __m256i word = _mm256_add_epi32(round_words(words, round), _mm256_set1_epi32((int)constants[round]));
        __m256i choice = _mm256_xor_si256(g, _mm256_and_si256(e, _mm256_xor_si256(f, g)));
        __m256i first = _mm256_add_epi32(
            _mm256_add_epi32(h, word),
            _mm256_add_epi32(choice, XOR(ROTATED(e, 6), ROTATED(e, 11), ROTATED(e, 25))));
        __m256i majority = _mm256_xor_si256(b, _mm256_and_si256(_mm256_xor_si256(a, b), _mm256_xor_si256(b, c)));
        __m256i second = _mm256_add_epi32(majority, XOR(ROTATED(a, 2), ROTATED(a, 13), ROTATED(a, 22)));
        h = g, g = f, f = e, e = _mm256_add_epi32(d, first);
        d = c, c = b, b = a, a = _mm256_add_epi32(first, second);
    }
    const __m256i mixed[8] = {a, b, c, d, e, f, g, h};
    for (int i = 0; i < 8; i++) state[i] = _mm256_add_epi32(state[i], mixed[i]);
}

AVX2 static void hash_lanes(const sha256_message messages[LANES], uint8_t *digests) {
    padded padded_messages[LANES];
    size_t most = 0;
    for (int lane = 0; lane < LANES; lane++) {
        pad(&padded_messages[lane], messages[lane].bytes, messages[lane].count);
        if (padded_messages[lane].blocks > most) most = padded_messages[lane].blocks;
    }
    __m256i state[8];
    for (int i = 0; i < 8; i++) state[i] = _mm256_set1_epi32((int)initial[i]);
    for (size_t index = 0; index < most; index++) {
        absorb(state, padded_messages, index);
        for (int lane = 0; lane < LANES; lane++) {
            if (padded_messages[lane].blocks != index + 1) continue;
            for (int i = 0; i < 8; i++) {
                uint32_t words[LANES];
                memcpy(words, &state[i], sizeof words);
                uint32_t word = __builtin_bswap32(words[lane]);
                memcpy(digests + lane * DIGEST_BYTES + i * 4, &word, sizeof word);
            }
        }
    }
}

int sha256_eight(const sha256_message *messages, uint8_t *digests) {
    // With SHA extensions one by one is as fast.
    if (!__builtin_cpu_supports("avx2") || __builtin_cpu_supports("sha")) return 0;
    hash_lanes(messages, digests);
    return 1;
}

#else

int sha256_eight(const sha256_message *messages, uint8_t *digests) {
    (void)messages, (void)digests;
    return 0;
}

#endif
