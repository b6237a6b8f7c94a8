/*
 * Writes this process's /proc/self/maps to $SELF_MAPS.PID when it ends.  As a
 * library for LD_PRELOAD it does so in any dynamic program; linked into one
 * it is a program of its own, -DTHREADS=N with so many threads.  It
 * allocates nothing, so that it does not change what it shows.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char text[1 << 17], path[4096];

__attribute__((destructor)) static void self_maps(void)
{
	const char *base = getenv("SELF_MAPS");
	size_t len = 0;
	ssize_t n;
	int fd = open("/proc/self/maps", O_RDONLY);

	while (fd >= 0 && (n = read(fd, text + len, sizeof(text) - len)) > 0)
		len += (size_t)n;
	close(fd);
	if (!base || strlen(base) > sizeof(path) - 16)
		return;
	snprintf(path, sizeof(path), "%s.%d", base, (int)getpid());
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || write(fd, text, len) != (ssize_t)len)
		_exit(99);
	close(fd);
}

#ifdef THREADS
#include <pthread.h>
#include <semaphore.h>

static sem_t worked, leave;

static void *work(void *arg)
{
	char *p = malloc(3000000);

	memset(p, 1, 3000000);
	free(p);
	p = malloc(100);
	sem_post(&worked);
	sem_wait(&leave);
	return p;
}

/*
 * The threads live together, but take turns: calls of several at once have no
 * order in a log.
 */
int main(void)
{
	pthread_t t[THREADS];

	sem_init(&worked, 0, 0);
	sem_init(&leave, 0, 0);
	for (int i = 0; i < THREADS; i++) {
		pthread_create(&t[i], NULL, work, NULL);
		sem_wait(&worked);
	}
	for (int i = 0; i < THREADS; i++)
		sem_post(&leave);
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	return 0;
}
#elif defined(MAIN)
static char bss[100000];

int main(int argc, char **argv)
{
	char *a = malloc(200000), *b = malloc(500), *c = malloc(2000000);

	memset(a, 1, 200000);
	bss[99999] = b[0] = c[1000] = (char)argc;
	c = realloc(c, 9000000);
	free(a);
	return c[1000] != (char)argc;
}
#endif
