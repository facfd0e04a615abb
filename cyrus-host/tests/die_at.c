/* A library to preload into a program. It kills the program with SIGKILL just before its file
 * operation number DIE_AT (a write, fsync, rename and so on). So a test can look at the files that
 * a crash at that moment leaves behind. If the program ends by itself, the library writes the
 * number of file operations to the file DIE_COUNT. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static long count;

static void one_more(void)
{
    const char *at = getenv("DIE_AT");

    count++;
    if (at && count == atol(at)) kill(getpid(), SIGKILL);
}

static void one_more_to(int fd)
{
    struct stat info;

    if (fstat(fd, &info) == 0 && S_ISREG(info.st_mode)) one_more();
}

__attribute__((destructor)) static void tell(void)
{
    const char *path = getenv("DIE_COUNT");
    FILE *file = path ? fopen(path, "w") : NULL;

    if (!file) return;
    fprintf(file, "%ld\n", count);
    fclose(file);
}

ssize_t write(int fd, const void *bytes, size_t len)
{
    one_more_to(fd);
    return syscall(SYS_write, fd, bytes, len);
}

ssize_t writev(int fd, const struct iovec *parts, int parts_count)
{
    one_more_to(fd);
    return syscall(SYS_writev, fd, parts, parts_count);
}

ssize_t pwrite(int fd, const void *bytes, size_t len, off_t at)
{
    one_more_to(fd);
    return syscall(SYS_pwrite64, fd, bytes, len, at);
}

ssize_t pwrite64(int fd, const void *bytes, size_t len, off64_t at)
{
    one_more_to(fd);
    return syscall(SYS_pwrite64, fd, bytes, len, at);
}

int ftruncate(int fd, off_t len)
{
    one_more();
    return (int)syscall(SYS_ftruncate, fd, len);
}

int ftruncate64(int fd, off64_t len)
{
    one_more();
    return (int)syscall(SYS_ftruncate, fd, len);
}

int fsync(int fd)
{
    one_more();
    return (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
    one_more();
    return (int)syscall(SYS_fdatasync, fd);
}

int rename(const char *from, const char *to)
{
    one_more();
    return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

int link(const char *from, const char *to)
{
    one_more();
    return (int)syscall(SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, 0);
}

int unlink(const char *path)
{
    one_more();
    return (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
}
