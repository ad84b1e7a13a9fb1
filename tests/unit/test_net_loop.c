/* net/loop: timers, wakes from threads, signals, descriptors; closing with everything still open. */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include <tracellm/net.h>

struct counter {
	struct tl_loop *loop;
	struct tl_timer *timer;
	struct tl_wake *wake;
	struct tl_watch *watch;
	int fd;
	unsigned fired, stop_at;
	int signal_number;
};

static struct tl_err err;

static void
count(void *context)
{
	struct counter *counter = context;
	if (++counter->fired == counter->stop_at)
		tl_loop_stop(counter->loop);
}

static void
a_timer_fires_once_and_then_keeps_the_loop_alive_no_longer(void **state)
{
	(void)state;
	struct counter counter = { 0 };
	assert_int_equal(tl_loop_open(&counter.loop, &err), TL_OK);
	assert_int_equal(tl_timer_open(counter.loop, count, &counter, &counter.timer, &err), TL_OK);
	tl_timer_set(counter.timer, 1, 0);
	tl_loop_run(counter.loop);
	assert_int_equal(counter.fired, 1);
	tl_timer_close(counter.timer);
	tl_loop_close(counter.loop);
}

static void
a_repeating_timer_fires_until_it_is_stopped(void **state)
{
	(void)state;
	struct counter counter = { .stop_at = 5 };
	assert_int_equal(tl_loop_open(&counter.loop, &err), TL_OK);
	assert_int_equal(tl_timer_open(counter.loop, count, &counter, &counter.timer, &err), TL_OK);
	tl_timer_set(counter.timer, 0, 1);
	tl_loop_run(counter.loop);
	assert_int_equal(counter.fired, 5);
	tl_timer_stop(counter.timer);
	tl_loop_run(counter.loop); /* nothing is left that keeps it alive */
	assert_int_equal(counter.fired, 5);
	tl_loop_close(counter.loop);
}

static void
close_own_timer(void *context)
{
	struct counter *counter = context;
	counter->fired++;
	tl_timer_close(counter->timer);
}

static void
a_timer_may_be_closed_from_its_own_callback(void **state)
{
	(void)state;
	struct counter counter = { 0 };
	assert_int_equal(tl_loop_open(&counter.loop, &err), TL_OK);
	assert_int_equal(tl_timer_open(counter.loop, close_own_timer, &counter, &counter.timer, &err), TL_OK);
	tl_timer_set(counter.timer, 0, 1);
	tl_loop_run(counter.loop);
	assert_int_equal(counter.fired, 1);
	tl_loop_close(counter.loop);
}

static void *
send_many(void *context)
{
	struct counter *counter = context;
	for (unsigned i = 0; i < 1000; i++)
		tl_wake_send(counter->wake);
	return NULL;
}

static void
a_wake_reaches_the_loop_from_another_thread_and_is_merged(void **state)
{
	(void)state;
	struct counter counter = { .stop_at = 1 };
	assert_int_equal(tl_loop_open(&counter.loop, &err), TL_OK);
	assert_int_equal(tl_wake_open(counter.loop, count, &counter, &counter.wake, &err), TL_OK);
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, send_many, &counter), 0);
	tl_loop_run(counter.loop);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_in_range(counter.fired, 1, 1000);
	tl_wake_close(counter.wake);
	tl_loop_close(counter.loop);
}

static void
note_signal(void *context, int signal_number)
{
	struct counter *counter = context;
	counter->signal_number = signal_number;
	tl_loop_stop(counter->loop);
}

static void
a_signal_is_told_on_the_loop(void **state)
{
	(void)state;
	struct counter counter = { 0 };
	struct tl_signal *handle;
	assert_int_equal(tl_loop_open(&counter.loop, &err), TL_OK);
	assert_int_equal(tl_signal_open(counter.loop, SIGUSR1, note_signal, &counter, &handle, &err), TL_OK);
	assert_int_equal(raise(SIGUSR1), 0);
	tl_loop_run(counter.loop);
	assert_int_equal(counter.signal_number, SIGUSR1);
	tl_signal_close(handle);
	tl_loop_close(counter.loop);
}

static void
a_signal_that_cannot_be_caught_is_refused(void **state)
{
	(void)state;
	struct tl_loop *loop;
	struct tl_signal *handle = NULL;
	assert_int_equal(tl_loop_open(&loop, &err), TL_OK);
	assert_int_not_equal(tl_signal_open(loop, SIGKILL, note_signal, NULL, &handle, &err), TL_OK);
	assert_null(handle);
	tl_loop_close(loop);
}

static void
read_one(void *context)
{
	struct counter *counter = context;
	char c;
	assert_int_equal(read(counter->fd, &c, 1), 1);
	count(context);
}

static void
a_readable_descriptor_is_told_until_it_is_empty(void **state)
{
	(void)state;
	int ends[2];
	assert_int_equal(pipe(ends), 0);
	struct counter counter = { .fd = ends[0], .stop_at = 3 };
	assert_int_equal(tl_loop_open(&counter.loop, &err), TL_OK);
	assert_int_equal(tl_watch_open(counter.loop, ends[0], read_one, &counter, &counter.watch, &err), TL_OK);
	assert_int_equal(write(ends[1], "abc", 3), 3);
	tl_loop_run(counter.loop);
	assert_int_equal(counter.fired, 3);
	tl_watch_close(counter.watch);
	tl_loop_close(counter.loop);
	close(ends[0]);
	close(ends[1]);
}

static void
a_descriptor_that_is_not_open_is_refused(void **state)
{
	(void)state;
	struct tl_loop *loop;
	struct tl_watch *watch = NULL;
	assert_int_equal(tl_loop_open(&loop, &err), TL_OK);
	assert_int_not_equal(tl_watch_open(loop, 9999, count, NULL, &watch, &err), TL_OK);
	assert_null(watch);
	tl_loop_close(loop);
}

static void
closing_the_loop_closes_what_is_still_open_on_it(void **state)
{
	(void)state;
	int ends[2];
	assert_int_equal(pipe(ends), 0);
	struct counter counter = { 0 };
	struct tl_signal *handle;
	assert_int_equal(tl_loop_open(&counter.loop, &err), TL_OK);
	assert_int_equal(tl_timer_open(counter.loop, count, &counter, &counter.timer, &err), TL_OK);
	assert_int_equal(tl_wake_open(counter.loop, count, &counter, &counter.wake, &err), TL_OK);
	assert_int_equal(tl_watch_open(counter.loop, ends[0], count, &counter, &counter.watch, &err), TL_OK);
	assert_int_equal(tl_signal_open(counter.loop, SIGUSR1, note_signal, &counter, &handle, &err), TL_OK);
	tl_timer_set(counter.timer, 0, 1);
	tl_wake_send(counter.wake);
	tl_loop_close(counter.loop);
	assert_int_equal(counter.fired, 0);
	tl_loop_close(NULL);
	close(ends[0]);
	close(ends[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_timer_fires_once_and_then_keeps_the_loop_alive_no_longer),
		cmocka_unit_test(a_repeating_timer_fires_until_it_is_stopped),
		cmocka_unit_test(a_timer_may_be_closed_from_its_own_callback),
		cmocka_unit_test(a_wake_reaches_the_loop_from_another_thread_and_is_merged),
		cmocka_unit_test(a_signal_is_told_on_the_loop),
		cmocka_unit_test(a_signal_that_cannot_be_caught_is_refused),
		cmocka_unit_test(a_readable_descriptor_is_told_until_it_is_empty),
		cmocka_unit_test(a_descriptor_that_is_not_open_is_refused),
		cmocka_unit_test(closing_the_loop_closes_what_is_still_open_on_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
