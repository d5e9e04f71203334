/* LIMIT in C: starts a program N times in a row and does nothing else. */
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>

extern char **environ;

int main(int argc, char **argv) {
    char *program[] = {"/bin/true", NULL};
    for (int left = argc > 1 ? atoi(argv[1]) : 1000; left > 0; left--) {
        pid_t pid;
        if (posix_spawn(&pid, program[0], NULL, NULL, program, environ) || waitpid(pid, NULL, 0) != pid)
            return 1;
    }
    return 0;
}
