// All paths of the verifier against each other, on signatures that were tampered with: verdicts, w1, commitments.

#ifndef OUTRIGGER_DIFFERENTIAL_H
#define OUTRIGGER_DIFFERENTIAL_H

#include <stdint.h>

typedef struct differential_report {
    /// Signatures tried, those that were well-formed, those that verified, and the hints in the well-formed.
    uint64_t trials, sound, valid, hints;
    /// The kinds of machine that were compared.
    uint64_t machines;
    /// Trials on which two of them did not agree, or one did not agree with FIPS 204; and what the first was about.
    uint64_t disagreements;
    const char *first;
} differential_report;

/// Tries so many signatures, the same ones for the same seed: true ones of round 3.1 from a file of known answers, and
/// forged ones under keys with t1 = 0, each changed in one of nine ways.
differential_report differential_run(const char *known_answers, uint64_t trials, uint64_t seed);

#endif
