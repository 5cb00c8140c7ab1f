// All paths of the verifier against each other, and against a reading of FIPS 204 that is slow and plain.

#include "differential.h"
#include "tampering.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/// Every verdict of a group is asked for alone and together: groups of 1 to GROUP, of any keys.
enum { GROUP = 20, WEAK = 8, TRUE = 100, SUBJECTS = WEAK + TRUE };

/// A key, a message, and a signature that verifies under one variant.
struct subject {
    manifold keys;
    unsigned variant;
    uint8_t *message;
    size_t count;
    uint8_t mu[DILITHIUM_REPRESENTATIVE_BYTES];
    uint8_t signature[DILITHIUM_SIGNATURE_BYTES];
};

struct world {
    struct subject *subjects;
    int count;
    uint64_t random;
    differential_report report;
};

static void disagree(struct world *world, const char *about) {
    if (world->report.disagreements++ == 0) world->report.first = about;
}

// MARK: - subjects

static void represent(struct world *world, struct subject *subject) {
    dilithium_part part = {subject->message, subject->count};
    for (int i = 0; i < subject->keys.count; i++) {
        uint8_t mu[DILITHIUM_REPRESENTATIVE_BYTES];
        dilithium_represent(subject->keys.keys + i, &part, 1, (enum dilithium_variant)subject->variant, mu);
        if (i == 0) memcpy(subject->mu, mu, sizeof mu);
        else if (memcmp(subject->mu, mu, sizeof mu) != 0) disagree(world, "the representative");
    }
}

static void make_weak(struct world *world, struct subject *subject, int number) {
    uint8_t public_key[DILITHIUM_PUBLIC_KEY_BYTES] = {0};
    for (int i = 0; i < 32; i++) public_key[i] = (uint8_t)next_random(&world->random);
    manifold_prepare(&subject->keys, public_key);
    subject->variant = 1u << number % 3;
    subject->count = 67 * (size_t)number;
    subject->message = calloc(1, subject->count + 1);
    for (size_t i = 0; subject->message && i < subject->count; i++) subject->message[i] = (uint8_t)i;
    represent(world, subject);
    random_z(subject->signature, &world->random);
    random_hints(subject->signature, &world->random);
    if (!forge(subject->keys.keys, subject->mu, subject->signature)) disagree(world, "a forgery");
}

static size_t read_hexadecimal(uint8_t *bytes, size_t capacity, const char *text) {
    size_t count = 0;
    for (unsigned value; count < capacity && sscanf(text + 2 * count, "%2x", &value) == 1; count++) {
        bytes[count] = (uint8_t)value;
    }
    return count;
}

// The round 3.1 answers: lines `name = value`, of which msg, pk and sm matter, sm last.
static void read_true(struct world *world, const char *file) {
    FILE *answers = fopen(file, "r");
    size_t capacity = 1 << 16;
    char *line = malloc(capacity);
    uint8_t public_key[DILITHIUM_PUBLIC_KEY_BYTES];
    while (answers && line && world->count < SUBJECTS && getline(&line, &capacity, answers) > 0) {
        struct subject *subject = world->subjects + world->count;
        if (strncmp(line, "msg = ", 6) == 0) {
            subject->message = malloc(strlen(line));
            if (subject->message) subject->count = read_hexadecimal(subject->message, strlen(line) / 2, line + 6);
        } else if (strncmp(line, "pk = ", 5) == 0) {
            read_hexadecimal(public_key, sizeof public_key, line + 5);
        } else if (strncmp(line, "sm = ", 5) == 0) {
            read_hexadecimal(subject->signature, sizeof subject->signature, line + 5);
            manifold_prepare(&subject->keys, public_key);
            subject->variant = DILITHIUM_ROUND31;
            represent(world, subject);
            world->count++;
        }
    }
    free(line);
    if (answers) fclose(answers);
}

// MARK: - by the book

// HintBitUnpack (algorithm 21). Returns the number of ones, or -1.
static int count_hints(const uint8_t y[OMEGA + ROWS]) {
    uint8_t h[ROWS][256] = {{0}};
    int index = 0, ones = 0;
    for (int i = 0; i < ROWS; i++) {
        if (y[OMEGA + i] < index || y[OMEGA + i] > OMEGA) return -1;
        for (int first = index; index < y[OMEGA + i]; index++) {
            if (index > first && y[index - 1] >= y[index]) return -1;
            h[i][y[index]] = 1;
        }
    }
    for (int i = index; i < OMEGA; i++) {
        if (y[i] != 0) return -1;
    }
    for (int i = 0; i < 256 * ROWS; i++) ones += h[i / 256][i % 256];
    return ones;
}

static int is_sound(const uint8_t *signature) {
    for (int i = 0; i < 256 * COLUMNS; i++) {
        if (abs(get_coefficient(signature, i)) >= GAMMA1 - BETA) return 0;
    }
    return count_hints(signature + HINTS) >= 0;
}

// MARK: - trials

// One signature, on every path alone. Returns the verdict of the first.
static unsigned compare(struct world *world, const struct subject *subject, const uint8_t *signature) {
    const dilithium_part part = {subject->message, subject->count};
    uint8_t w1[2][ROWS * W1_BYTES], commitment[2][COMMITMENT_BYTES];
    unsigned expected = 0;
    int sound = is_sound(signature);
    for (int i = 0; i < subject->keys.count; i++) {
        const dilithium_key *key = subject->keys.keys + i;
        polynomial challenge;
        dilithium_challenge(key->path->keccak, challenge, signature);
        if (dilithium_recover(key, signature, challenge, w1[i > 0]) != sound) disagree(world, "what is well-formed");
        if (sound) commit(key, subject->mu, w1[i > 0], commitment[i > 0]);
        unsigned verdict = dilithium_verify(
            key, &part, 1, signature, DILITHIUM_SIGNATURE_BYTES, subject->variant, subject->variant);
        if (i == 0) {
            expected = sound && memcmp(commitment[0], signature, COMMITMENT_BYTES) == 0 ? subject->variant : 0;
        } else if (sound && memcmp(w1[0], w1[1], sizeof w1[0]) != 0) {
            disagree(world, "w1");
        } else if (sound && memcmp(commitment[0], commitment[1], sizeof commitment[0]) != 0) {
            disagree(world, "the commitment");
        }
        if (verdict != expected) disagree(world, "the verdict");
    }
    world->report.trials++;
    world->report.sound += (uint64_t)sound;
    world->report.valid += expected != 0;
    if (sound) world->report.hints += (uint64_t)count_hints(signature + HINTS);
    return expected;
}

static void try_group(struct world *world, size_t count) {
    uint8_t signatures[GROUP][DILITHIUM_SIGNATURE_BYTES];
    dilithium_part parts[GROUP];
    dilithium_request requests[GROUP];
    unsigned expected[GROUP], verdicts[GROUP];
    const struct subject *subjects[GROUP];
    for (size_t i = 0; i < count; i++) {
        const struct subject *subject = world->subjects + below(&world->random, (uint64_t)world->count);
        subjects[i] = subject;
        memcpy(signatures[i], subject->signature, sizeof signatures[i]);
        tamper(signatures[i], &world->random);
        if (subject < world->subjects + WEAK && below(&world->random, 2) == 0) {
            forge(subject->keys.keys, subject->mu, signatures[i]);
        }
        expected[i] = compare(world, subject, signatures[i]);
        parts[i] = (dilithium_part){subject->message, subject->count};
    }
    // Together on each kind of machine, and last on all of them mixed.
    for (int machine = 0; machine <= subjects[0]->keys.count; machine++) {
        for (size_t i = 0; i < count; i++) {
            int kinds = subjects[i]->keys.count;
            const dilithium_key *key = subjects[i]->keys.keys + (machine < kinds ? machine : (int)i % kinds);
            requests[i] = (dilithium_request){
                key, parts + i, 1, signatures[i], sizeof signatures[i], subjects[i]->variant, 0};
        }
        dilithium_verify_batch(requests, count, verdicts);
        if (memcmp(verdicts, expected, count * sizeof *verdicts) != 0) disagree(world, "the verdict of a batch");
    }
}

differential_report differential_run(const char *known_answers, uint64_t trials, uint64_t seed) {
    struct world world = {.random = seed, .subjects = calloc(SUBJECTS, sizeof *world.subjects)};
    if (!world.subjects) return world.report;
    for (; world.count < WEAK; world.count++) make_weak(&world, world.subjects + world.count, world.count);
    read_true(&world, known_answers);
    if (world.count != SUBJECTS) disagree(&world, "the known answers could not be read");
    world.report.machines = (uint64_t)world.subjects[0].keys.count;
    while (world.report.trials < trials) {
        uint64_t left = trials - world.report.trials, size = 1 + below(&world.random, GROUP);
        try_group(&world, size < left ? size : left);
    }
    for (int i = 0; i < world.count; i++) free(world.subjects[i].message);
    free(world.subjects);
    return world.report;
}
