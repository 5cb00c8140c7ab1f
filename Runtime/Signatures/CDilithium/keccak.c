// Keccak-f[1600] in four shapes: portable C; the same with BMI2; four states with AVX2; one and four with AVX-512,
// which rotates in one instruction and joins three operands in one.

#include "keccak.h"

#include <string.h>

// Constants of the step iota: FIPS 202, algorithm 5.
static const uint64_t round_constants[24] = {
    0x0000000000000001, 0x0000000000008082, 0x800000000000808a, 0x8000000080008000,
    0x000000000000808b, 0x0000000080000001, 0x8000000080008081, 0x8000000000008009,
    0x000000000000008a, 0x0000000000000088, 0x0000000080008009, 0x000000008000000a,
    0x000000008000808b, 0x800000000000008b, 0x8000000000008089, 0x8000000000008003,
    0x8000000000008002, 0x8000000000000080, 0x000000000000800a, 0x800000008000000a,
    0x8000000080008081, 0x8000000000008080, 0x0000000080000001, 0x8000000080008008,
};

// The turns of the step rho, lane by lane: FIPS 202, table 2, modulo 64.
static const uint8_t turns[25] = {
    0, 1, 62, 28, 27, 36, 44, 6, 55, 20, 3, 10, 43, 25, 39, 41, 45, 15, 21, 8, 18, 2, 61, 56, 14,
};

// Every index below is known when the loops are unrolled, so that the lanes live in registers.
#define UNROLLED _Pragma("clang loop unroll(full)") for
#define INLINE static inline __attribute__((always_inline))
#define ROTATE(lane, by) ((lane) << (by) | (lane) >> (-(by) & 63))

// The permutation of states whose lanes are of the type LANE. One round is theta, rho and pi, chi, iota; the lane of
// column x and row y is the one at 5 y + x.
#define DEFINE_PERMUTATION(NAME, LANE) \
    INLINE void NAME##_round(const LANE a[25], LANE b[25], uint64_t constant) { \
        LANE parity[5], change[5], row[5]; \
        UNROLLED (int x = 0; x < 5; x++) parity[x] = a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20]; \
        UNROLLED (int x = 0; x < 5; x++) change[x] = parity[(x + 4) % 5] ^ ROTATE(parity[(x + 1) % 5], 1); \
        UNROLLED (int y = 0; y < 5; y++) { \
            UNROLLED (int x = 0; x < 5; x++) { \
                int column = (x + 3 * y) % 5, place = 5 * x + column; \
                LANE changed = a[place] ^ change[column]; \
                row[x] = ROTATE(changed, turns[place]); \
            } \
            UNROLLED (int x = 0; x < 5; x++) b[5 * y + x] = row[x] ^ (~row[(x + 1) % 5] & row[(x + 2) % 5]); \
        } \
        b[0] ^= constant; \
    } \
    INLINE void NAME(LANE a[25]) { \
        LANE b[25]; \
        for (int i = 0; i < 24; i += 2) { \
            NAME##_round(a, b, round_constants[i]); \
            NAME##_round(b, a, round_constants[i + 1]); \
        } \
    }

DEFINE_PERMUTATION(permute_scalars, uint64_t)

// MARK: - portable

INLINE void permute_in_registers(uint64_t lanes[25]) {
    uint64_t a[25];
    memcpy(a, lanes, sizeof a);
    permute_scalars(a);
    memcpy(lanes, a, sizeof a);
}

#if defined(__x86_64__)
// With instructions for "and not" and for rotation into another register: a quarter faster.
__attribute__((target("bmi,bmi2"))) static void permute_bmi2(uint64_t lanes[25]) { permute_in_registers(lanes); }
#endif

static void permute(uint64_t lanes[25]) {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2")) {
        permute_bmi2(lanes);
        return;
    }
#endif
    permute_in_registers(lanes);
}

static void absorb_one(keccak_states *states, int which, const uint8_t *block) {
    uint64_t lanes[25];
    for (int i = 0; i < 25; i++) lanes[i] = states->lanes[i][which];
    for (int i = 0; block && i < SHAKE256_RATE / 8; i++) lanes[i] ^= keccak_load(block + 8 * i);
    permute(lanes);
    for (int i = 0; i < 25; i++) states->lanes[i][which] = lanes[i];
}

static void permute_each(keccak_states *states) {
    for (int which = 0; which < 4; which++) absorb_one(states, which, NULL);
}

static void absorb_each(keccak_states *states, const uint8_t *const blocks[4]) {
    for (int which = 0; which < 4; which++) {
        if (blocks[which]) absorb_one(states, which, blocks[which]);
    }
}

const struct keccak keccak_portable = {
    .permute = permute, .permute_four = permute_each, .absorb_four = absorb_each};

// MARK: - vectors

#if defined(__x86_64__)

typedef uint64_t four __attribute__((vector_size(32)));
typedef uint64_t four_unaligned __attribute__((vector_size(32), aligned(1)));
typedef uint64_t two __attribute__((vector_size(16)));

DEFINE_PERMUTATION(permute_fours, four)
DEFINE_PERMUTATION(permute_twos, two)

INLINE void permute_side_by_side(keccak_states *states) {
    four a[25];
    memcpy(a, states, sizeof a);
    permute_fours(a);
    memcpy(states, a, sizeof a);
}

// The first (0) or the second (1) lane of each pair of lanes.
#define UNPACK(a, b, which) __builtin_shufflevector(a, b, which, 4 + which, 2 + which, 6 + which)

// Four lanes of each block at a time, transposed.
INLINE void absorb_side_by_side(keccak_states *states, const uint8_t *const blocks[4]) {
    static const uint8_t nothing[SHAKE256_RATE];
    const uint8_t *block[4];
    for (int i = 0; i < 4; i++) block[i] = blocks[i] ? blocks[i] : nothing;
    four a[25];
    memcpy(a, states, sizeof a);
    UNROLLED (int i = 0; i < 16; i += 4) {
        four x[4];
        UNROLLED (int j = 0; j < 4; j++) x[j] = *(const four_unaligned *)(block[j] + 8 * i);
        UNROLLED (int j = 0; j < 2; j++) {
            four low = j == 0 ? UNPACK(x[0], x[1], 0) : UNPACK(x[0], x[1], 1);
            four high = j == 0 ? UNPACK(x[2], x[3], 0) : UNPACK(x[2], x[3], 1);
            a[i + j] ^= __builtin_shufflevector(low, high, 0, 1, 4, 5);
            a[i + j + 2] ^= __builtin_shufflevector(low, high, 2, 3, 6, 7);
        }
    }
    a[16] ^= (four){
        keccak_load(block[0] + 128), keccak_load(block[1] + 128),
        keccak_load(block[2] + 128), keccak_load(block[3] + 128)};
    permute_fours(a);
    memcpy(states, a, sizeof a);
}

#define AVX2 __attribute__((target("avx2")))
#define AVX512 __attribute__((target("avx2,avx512f,avx512vl")))

AVX2 static void permute_four_avx2(keccak_states *states) { permute_side_by_side(states); }
AVX2 static void absorb_four_avx2(keccak_states *states, const uint8_t *const blocks[4]) {
    absorb_side_by_side(states, blocks);
}

const struct keccak keccak_avx2 = {
    .permute = permute_bmi2, .permute_four = permute_four_avx2, .absorb_four = absorb_four_avx2};

// One state, in the lower halves of 25 of the 32 short registers.
AVX512 static void permute_avx512(uint64_t lanes[25]) {
    two a[25];
    UNROLLED (int i = 0; i < 25; i++) a[i] = (two){lanes[i], 0};
    permute_twos(a);
    UNROLLED (int i = 0; i < 25; i++) lanes[i] = a[i][0];
}
AVX512 static void permute_four_avx512(keccak_states *states) { permute_side_by_side(states); }
AVX512 static void absorb_four_avx512(keccak_states *states, const uint8_t *const blocks[4]) {
    absorb_side_by_side(states, blocks);
}

const struct keccak keccak_avx512 = {
    .permute = permute_avx512, .permute_four = permute_four_avx512, .absorb_four = absorb_four_avx512};

#endif

const struct keccak *keccak_of_this_machine(void) {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2")) {
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") ? &keccak_avx512 : &keccak_avx2;
    }
#endif
    return &keccak_portable;
}
