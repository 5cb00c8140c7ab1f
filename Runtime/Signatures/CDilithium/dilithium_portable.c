// The arithmetic in portable C. Products are reduced as Plantard does (https://doi.org/10.1109/TETC.2021.3073475), in
// the signed form: two multiplications, any 32-bit operand, at most q / 2 comes out. Sums are not reduced at all.

#include "dilithium_path.h"

// q^-1 mod 2^64.
#define INVERSE_MODULUS 1732267787797143553ull

// Factors are held multiplied by -2^64 mod q, which the reduction takes away.
static const int32_t scale_back = 1569211; // -2^64 / 256: of the inverse transform, and of `reduce`.

// Powers of 1753, the 512th root of unity, in bit-reversed order (FIPS 204, appendix B).
static const int32_t zetas[256] = {
    -2365951, 3752071, -3573723, 3248036, -3311737, -2859201, -2621667, -3885095, -3799006, 1298052, 981949, 58561,
    4103281, 633523, 95319, 3998990, -3514439, 717294, -1931004, -2993727, -307747, -2190479, -1814252, 1039416,
    -2138271, -510719, -352731, -3807022, 824586, 2555401, -3391053, -1938086, 3299257, 383801, -3155574, -1081528,
    390587, 141846, 436141, 2032610, -3953073, -4146648, -3664061, -2368426, 2476010, -160090, -2627782, 891848,
    950344, -811348, -409366, -2604214, -1841669, -1256072, 2899842, 317428, -1596625, -1752400, -273069, -415579,
    291102, 2783699, 424480, -1327894, 1279714, 1504691, 993475, -395016, -3571007, -2767163, -1348474, 2906936,
    2174881, -2166026, 1365351, -2594609, 992236, 729105, 3809887, -2282469, -626132, 116638, -3762510, 3594713,
    3996893, -1236486, 2152071, -2553887, -285662, -1489796, 2738452, -1019700, -1347765, 1086763, 2075594, -2869299,
    1206879, -2439703, -1085211, 2398193, 521875, 3405193, 1888293, 2338378, -3824724, -2782405, 1199975, -3379342,
    2528948, -2391659, -3903595, 778705, -431481, 3296789, -1006424, -2791197, -2203581, -1055452, -428619, 3703303,
    -2155720, -2333238, -3959994, -3021415, -166330, -3713710, 2193436, -4045738, 794312, -1246882, 3815497, 3503965,
    2154020, -689987, -3313735, 2707486, 2773997, -3988268, 3371112, 2092429, 2653807, -4029642, -514133, -4179559,
    -1205072, 353832, 638456, -1862389, -3133803, -1678701, 4174704, 3545759, -2342664, 1414212, 1813415, -2897634,
    4067534, -3905142, -2800256, -3395873, 1109791, 2369793, -646002, -1944342, -2495183, -2756472, 1937226, 1488105,
    867890, -3252405, -3699511, -3544363, -610476, -4084009, 2727504, -3728435, -1749951, 2377846, 3097264, 2140123,
    -1985212, 2155455, -3490093, 3343762, 175653, 3655839, -1006188, 586292, -903631, 2421653, -1743673, 1957744,
    -2613114, -2108032, -1565061, 3111563, 196228, 1424704, -597328, 565272, -523342, -714677, -3338959, 2216854,
    -3737028, -4082736, -460438, -3709248, 225231, 3336406, -291851, -541695, 524817, 2968045, 1392813, -1821233,
    2059534, 3077716, -1472585, -2505279, 645549, 2740880, 1415304, -1630947, 3793803, -2786689, -20224, -2937005,
    1381422, 2446425, -87086, 1152721, -407572, -153271, 71508, 968293, 5251, -2369727, 3798654, -938106,
    -2148663, -3216613, 4006715, 1195187, 494744, 1864801, 2868423, -2933016, 590907, -522718, -2884206, -116951,
    1738105, 1450379, -1518095, -2345932,
};

// Given a q^-1 mod 2^64, returns a / -2^64 mod q, in [-q/2, q/2], for |a| < 2^60.
static inline int32_t reduce(uint64_t a) {
    int64_t high = (int64_t)a >> 32;
    return (int32_t)((high + 256) * MODULUS >> 32);
}

static inline uint64_t factor(int32_t a) { return (uint64_t)a * INVERSE_MODULUS; }

static inline int32_t multiply(int32_t a, uint64_t factor) { return reduce((uint64_t)a * factor); }

// One layer, with its length known to the compiler. The first of its zetas stands at 128 / length.
static inline __attribute__((always_inline)) void split(polynomial x, const int length) {
    const int32_t *zeta = zetas + 128 / length;
    for (int start = 0; start < 256; start += 2 * length) {
        const uint64_t root = factor(*zeta++);
        for (int i = start; i < start + length; i++) {
            int32_t t = multiply(x[i + length], root);
            x[i + length] = x[i] - t;
            x[i] += t;
        }
    }
}

// Each layer adds at most q / 2: |x| < 2^23 + 4 q at the end.
static void transform(polynomial x) {
    split(x, 128);
    split(x, 64);
    split(x, 32);
    split(x, 16);
    split(x, 8);
    split(x, 4);
    split(x, 2);
    split(x, 1);
}

static inline __attribute__((always_inline)) void join(polynomial x, const int length) {
    const int32_t *zeta = zetas + 256 / length;
    for (int start = 0; start < 256; start += 2 * length) {
        const uint64_t root = factor(*--zeta);
        for (int i = start; i < start + length; i++) {
            int32_t t = x[i];
            x[i] = t + x[i + length];
            x[i + length] = multiply(x[i + length] - t, root);
        }
    }
}

// Each layer doubles: |x| <= q / 2 becomes |x| <= 128 q < 2^31.
static void transform_back(polynomial x) {
    join(x, 1);
    join(x, 2);
    join(x, 4);
    join(x, 8);
    join(x, 16);
    join(x, 32);
    join(x, 64);
    join(x, 128);
    for (int i = 0; i < 256; i++) {
        x[i] = multiply(x[i], factor(scale_back));
        x[i] += MODULUS & (x[i] >> 31);
    }
}

static int unpack(polynomial z, const uint8_t bytes[Z_BYTES]) {
    uint32_t largest = 0;
    for (int i = 0; i < 256; i += 4, bytes += 9) {
        uint32_t packed[4] = {
            bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16,
            bytes[2] >> 2 | (uint32_t)bytes[3] << 6 | (uint32_t)bytes[4] << 14,
            bytes[4] >> 4 | (uint32_t)bytes[5] << 4 | (uint32_t)bytes[6] << 12,
            bytes[6] >> 6 | (uint32_t)bytes[7] << 2 | (uint32_t)bytes[8] << 10,
        };
        for (int j = 0; j < 4; j++) {
            int32_t value = GAMMA1 - (int32_t)(packed[j] & 0x3ffff);
            uint32_t size = (uint32_t)(value < 0 ? -value : value);
            if (size > largest) largest = size;
            z[i + j] = value;
        }
    }
    return largest < GAMMA1 - BETA;
}

// |row| < q, |others| < 2^23 + 4 q: the sum stays below 2^52.
static void combine(
    polynomial w, const polynomial row[COLUMNS], const polynomial z[COLUMNS], const polynomial challenge,
    const polynomial target) {
    for (int i = 0; i < 256; i++) {
        int64_t sum = -(int64_t)challenge[i] * target[i];
        for (int j = 0; j < COLUMNS; j++) sum += (int64_t)row[j][i] * z[j][i];
        w[i] = reduce((uint64_t)sum * INVERSE_MODULUS);
    }
    transform_back(w);
}

// The quotient by 2 gamma2 = 93 * 2^11, rounded so that the remainder lies in (-gamma2, gamma2]; the last, 44, is 0.
static uint32_t high(int32_t x) {
    uint32_t quotient = ((((uint32_t)x + GAMMA2 - 1) >> 11) * 22551) >> 21;
    return quotient == 44 ? 0 : quotient;
}

static void pack_high(uint8_t bytes[W1_BYTES], const polynomial w) {
    for (int i = 0; i < 256; i += 4, bytes += 3) {
        uint32_t packed = high(w[i]) | high(w[i + 1]) << 6 | high(w[i + 2]) << 12 | high(w[i + 3]) << 18;
        bytes[0] = (uint8_t)packed;
        bytes[1] = (uint8_t)(packed >> 8);
        bytes[2] = (uint8_t)(packed >> 16);
    }
}

static void arrange(polynomial x) { (void)x; }

static int select_below(int32_t *x, int room, const uint8_t *bytes, int count) {
    int filled = 0;
    for (int i = 0; i < count && filled < room; i += 3) {
        int32_t candidate = bytes[i] | bytes[i + 1] << 8 | (bytes[i + 2] & 0x7f) << 16;
        if (candidate < MODULUS) x[filled++] = candidate;
    }
    return filled;
}

const struct dilithium_path dilithium_portable = {
    .keccak = &keccak_portable, .transform = transform, .arrange = arrange, .select = select_below, .unpack = unpack,
    .combine = combine, .pack_high = pack_high};
