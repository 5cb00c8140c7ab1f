// differential KNOWN-ANSWERS TRIALS SEED: compares, prints what was seen, fails on the first disagreement.

#include "differential.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

int main(int count, char **arguments) {
    if (count != 4) return 2;
    differential_report report =
        differential_run(arguments[1], strtoull(arguments[2], NULL, 10), strtoull(arguments[3], NULL, 10));
    printf(
        "seed %s: %" PRIu64 " signatures on %" PRIu64 " paths, alone and in batches; %" PRIu64 " well-formed, %" PRIu64
        " valid, %" PRIu64 " hints; %" PRIu64 " disagreements%s%s\n",
        arguments[3], report.trials, report.machines, report.sound, report.valid, report.hints, report.disagreements,
        report.first ? ", the first about " : "", report.first ? report.first : "");
    return report.disagreements != 0;
}
