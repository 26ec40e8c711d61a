/* A child that tells all it can see of what it got from its parent. */

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

extern char **environ;

static void copy(const char *file) {
  FILE *f = fopen(file, "r");
  char line[4096];

  if (f == NULL)
    return;
  while (fgets(line, sizeof(line), f) != NULL)
    printf("%s: %s", file, line);
  fclose(f);
}

static void descriptors(void) {
  DIR *dir = opendir("/proc/self/fd");
  struct dirent *entry;
  char path[300], target[4096], flags[64];

  if (dir == NULL)
    return;
  while ((entry = readdir(dir)) != NULL) {
    int fd = atoi(entry->d_name);
    ssize_t n;
    FILE *info;

    if (entry->d_name[0] == '.' || fd == dirfd(dir))
      continue;
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    n = readlink(path, target, sizeof(target) - 1);
    target[n < 0 ? 0 : n] = '\0';
    snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
    info = fopen(path, "r");
    while (info != NULL && fgets(flags, sizeof(flags), info) != NULL)
      if (strncmp(flags, "flags", 5) == 0)
        printf("descriptor %d: %s, %s", fd, target, flags);
    if (info != NULL)
      fclose(info);
  }
  closedir(dir);
}

static int by_text(const void *a, const void *b) { return strcmp(*(char *const *) a, *(char *const *) b); }

int main(int argc, char **argv) {
  char cwd[4096];
  int i, variables = 0;

  for (i = 0; i < argc; i++)
    printf("argument %d: %s\n", i, argv[i]);
  while (environ[variables] != NULL)
    variables++;
  qsort(environ, variables, sizeof(*environ), by_text);
  for (i = 0; i < variables; i++)
    printf("variable: %s\n", environ[i]);
  printf("folder: %s\n", getcwd(cwd, sizeof(cwd)));
  printf("umask: %03o\n", umask(0));
  printf("nice: %d\n", nice(0));
  printf("leads its group: %d\n", getpgrp() == getpid());
  printf("leads its session: %d\n", getsid(0) == getpid());
  printf("shares its parent's group: %d\n", getpgrp() == getpgid(getppid()));
  copy("/proc/self/limits");
  copy("/proc/self/status");
  descriptors();
  return 0;
}
