/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H
/* clock: wall time for records and people, monotonic time for every wait. Thread: any. */
#include <stddef.h>
#include <stdint.h>

int64_t clock_wall_ms(void); /* since 1970, UTC */
int64_t clock_mono_us(void); /* never goes back; starts anywhere above 0 */
int64_t clock_mono_ms(void);
/* Random bits from the kernel; for jitter and ids, also keys. */
void random_bytes(void *ret, size_t len);
uint64_t random_below(uint64_t limit); /* 0..limit-1; limit > 0 */

#endif
