/* A library that knows nothing of events: no header of ours, no SDK. */
#include <stdio.h>

/* Takes the fee of a payment. 0: taken. 1: the ledger is busy. 2: there is no such amount. */
int fees_apply(const char *payment, double amount) {
    if (amount < 0) return 2;
    printf("payment %s: fee %.2f\n", payment, amount * 0.01);
    return 0;
}
