/* A stack of its own for what may have to wait: its thread goes on with something else meanwhile, and
 * any thread takes it up again where it left off. See docs/decisions/0016-calls-on-stacks.md. */
#ifndef BASE_FIBER_H
#define BASE_FIBER_H

struct fiber;

/* `fn` begins with the first fiber_enter. It must not return: it leaves for the last time, and is freed.
 * NULL: no memory. */
struct fiber *fiber_new(void (*fn)(void *arg), void *arg);
void fiber_free(struct fiber *f); /* it has left, or never began; NULL is fine */

/* Go on in `f` on this thread, until it leaves. */
void fiber_enter(struct fiber *f);

/* Inside of `f`: back to whoever entered. What is next after it runs on the thread that enters next, so
 * no lock may be held across it, and no address of a variable of the thread's. */
void fiber_leave(struct fiber *f);

#endif
