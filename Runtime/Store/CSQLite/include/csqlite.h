/* What of SQLite's interface Swift cannot call: functions with any number of arguments. */
#ifndef CSQLITE_H
#define CSQLITE_H

/* Counts no memory: a lock in every allocation, for figures that nobody reads (SQLITE_CONFIG_MEMSTATUS). Of the whole
 * process, and only before SQLite is used: later it changes nothing. */
void csqlite_count_no_memory(void);

#endif
