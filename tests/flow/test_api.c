/* SPDX-License-Identifier: Apache-2.0
 * The public interface as a stranger's program sees it: <espy/espy.h> and libespy, nothing else.
 * Also compiled as C++ (test_api.cc).  Argument: the program, which trains the workspace. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <espy/espy.h>

#define CHECK(c)                                                      \
    do {                                                              \
        if (!(c)) {                                                   \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, (#c)); \
            exit(1);                                                  \
        }                                                             \
    } while (0)

#define THREADS 2
#define PEOPLE 3
#define ASKED 2 /* photos of each person that were not trained on */

static const char *const people[PEOPLE] = {"Colin_Powell", "Hugo_Chavez", "Tony_Blair"};
static char faces[1024], at[] = "/tmp/espy-api-XXXXXX", workspace[64];

static void test_nothing_there(void)
{
    espy_engine *engine = NULL;
    espy_result *result = NULL;
    CHECK(strlen(espy_library_version()) >= 5);
    CHECK(strcmp(espy_err_text(ESPY_E_OK), "success") == 0);
    CHECK(espy_open("/nowhere/at/all", NULL, &engine) == ESPY_E_NOT_FOUND);
    CHECK(engine != NULL);
    CHECK(strstr(espy_error_text(engine), "there is no workspace") != NULL);
    CHECK(espy_identify_memory(engine, "x", 1, &result) == ESPY_E_ARG);
    CHECK(espy_identify_file(engine, "x", &result) != ESPY_E_OK);
    CHECK(result == NULL && *espy_error_text(engine));
    espy_close(engine);
    espy_close(NULL);
    CHECK(strcmp(espy_error_text(NULL), "") == 0);
    CHECK(espy_result_count(NULL) == 0 && espy_result_at(NULL, 0) == NULL);
    espy_result_free(NULL);
}

static void photo(int person, int number, char *path, size_t room)
{
    CHECK(snprintf(path, room, "%s/lfw10/%s/%s_%04d.jpg", faces, people[person], people[person],
                   number) < (int)room);
}

/* A workspace that knows the people by their first eight photos. */
static void train(const char *program)
{
    char command[4096], dir[256], from[1200], to[512];
    CHECK(mkdtemp(at) != NULL);
    CHECK(snprintf(workspace, sizeof workspace, "%s/w", at) > 0);
    CHECK(snprintf(dir, sizeof dir, "%s/photos", at) > 0 && mkdir(dir, 0755) == 0);
    for (int p = 0; p < PEOPLE; p++) {
        CHECK(snprintf(dir, sizeof dir, "%s/photos/STU00%d_%s", at, p + 1, people[p]) > 0);
        CHECK(mkdir(dir, 0755) == 0);
        for (int i = 1; i <= 8; i++) {
            photo(p, i, from, sizeof from);
            CHECK(snprintf(to, sizeof to, "%s/%d.jpg", dir, i) > 0 && symlink(from, to) == 0);
        }
    }
    CHECK(snprintf(
              command, sizeof command,
              "'%s' train '%s/photos' --encoder mobilefacenet --workspace '%s' >'%s/log' 2>&1 || "
              "{ cat '%s/log'; false; }",
              program, at, workspace, at, at) < (int)sizeof command);
    CHECK(system(command) == 0);
}

static void *read_file(const char *path, size_t *size)
{
    FILE *f = fopen(path, "rb");
    CHECK(f != NULL && fseek(f, 0, SEEK_END) == 0);
    *size = (size_t)ftell(f);
    rewind(f);
    void *bytes = malloc(*size);
    CHECK(bytes != NULL && fread(bytes, 1, *size, f) == *size);
    fclose(f);
    return bytes;
}

/* The answer with the largest box. */
static const espy_answer *largest(const espy_result *r)
{
    const espy_answer *best = espy_result_at(r, 0);
    for (size_t i = 1; i < espy_result_count(r); i++) {
        const espy_answer *a = espy_result_at(r, i);
        if (a->box[2] * a->box[3] > best->box[2] * best->box[3])
            best = a;
    }
    return best;
}

typedef struct asker {
    espy_result *results[PEOPLE * ASKED]; /* kept until the engine is closed */
    int known, named_wrong;
} asker;

static void test_failures(espy_engine *engine, const char *path)
{
    static const char blank[] = "P5 200 200 255\n";
    espy_result *r = NULL;
    size_t size;
    char *bytes = (char *)read_file(path, &size);
    CHECK(espy_identify_memory(engine, bytes, size / 3, &r) == ESPY_E_FORMAT && r == NULL);
    CHECK(*espy_error_text(engine) && strchr(espy_error_text(engine), '\n') == NULL);
    CHECK(espy_identify_memory(engine, bytes, 1, &r) == ESPY_E_FORMAT && r == NULL);
    CHECK(espy_identify_memory(engine, NULL, 0, &r) == ESPY_E_FORMAT && r == NULL);
    CHECK(espy_identify_memory(engine, "not a picture at all", 20, &r) == ESPY_E_FORMAT);
    CHECK(espy_identify_file(engine, "/nowhere/at/all.jpg", &r) == ESPY_E_NOT_FOUND);
    CHECK(strstr(espy_error_text(engine), "/nowhere/at/all.jpg") != NULL);
    CHECK(espy_identify_file(engine, "/tmp", &r) == ESPY_E_IO && r == NULL);
    free(bytes);
    size = sizeof blank - 1 + 200 * 200;
    bytes = (char *)calloc(1, size);
    CHECK(bytes != NULL);
    memcpy(bytes, blank, sizeof blank - 1);
    CHECK(espy_identify_memory(engine, bytes, size, &r) == ESPY_E_OK && r != NULL);
    CHECK(espy_result_count(r) == 0 && espy_result_at(r, 0) == NULL);
    CHECK(strcmp(espy_error_text(engine), "") == 0); /* the failures before are forgotten */
    espy_result_free(r);
    free(bytes);
}

static void *ask(void *self)
{
    asker *a = (asker *)self;
    espy_engine *engine = NULL;
    char path[1200];
    if (espy_open(workspace, NULL, &engine) != ESPY_E_OK) {
        fprintf(stderr, "%s\n", espy_error_text(engine));
        exit(1);
    }
    for (int i = 0; i < PEOPLE * ASKED; i++) {
        espy_result *again = NULL;
        size_t size;
        photo(i / ASKED, 9 + i % ASKED, path, sizeof path);
        CHECK(espy_identify_file(engine, path, &a->results[i]) == ESPY_E_OK);
        void *bytes = read_file(path, &size);
        CHECK(espy_identify_memory(engine, bytes, size, &again) == ESPY_E_OK);
        CHECK(espy_result_count(again) == espy_result_count(a->results[i]));
        CHECK(largest(again)->similarity == largest(a->results[i])->similarity);
        espy_result_free(again);
        free(bytes);
        if (i == 1)
            test_failures(engine, path);
    }
    espy_close(engine);
    for (int i = 0; i < PEOPLE * ASKED; i++) { /* results outlive their engine */
        char label[16];
        const espy_answer *best = largest(a->results[i]);
        snprintf(label, sizeof label, "STU00%d", i / ASKED + 1);
        CHECK(best && best->candidate_count == PEOPLE && best->box[2] > 0);
        CHECK(strlen(best->candidates[0].label) == 6 && best->candidates[0].name != NULL);
        CHECK((best->label != NULL) == (best->decision == ESPY_KNOWN));
        if (best->label && strcmp(best->label, label) == 0)
            a->known++;
        else if (best->label)
            a->named_wrong++;
    }
    return NULL;
}

static void test_answers_from_threads(void)
{
    static asker askers[THREADS];
    pthread_t id[THREADS];
    for (int t = 0; t < THREADS; t++)
        CHECK(pthread_create(&id[t], NULL, ask, &askers[t]) == 0);
    for (int t = 0; t < THREADS; t++)
        CHECK(pthread_join(id[t], NULL) == 0);
    for (int t = 0; t < THREADS; t++) {
        CHECK(askers[t].known >= PEOPLE * ASKED - 1 && askers[t].named_wrong == 0);
        for (int i = 0; i < PEOPLE * ASKED; i++) {
            const espy_answer *a = largest(askers[0].results[i]);
            const espy_answer *b = largest(askers[t].results[i]);
            CHECK(a->similarity == b->similarity && a->probability == b->probability);
        }
    }
    for (int t = 0; t < THREADS; t++)
        for (int i = 0; i < PEOPLE * ASKED; i++)
            espy_result_free(askers[t].results[i]);
}

int main(int argc, char **argv)
{
    const char *shared = getenv("ESPY_SHARED"), *source = getenv("ESPY_SOURCE_ROOT");
    char command[256];
    struct stat st;
    test_nothing_there();
    if (shared)
        snprintf(faces, sizeof faces, "%s/data/faces", shared);
    else
        snprintf(faces, sizeof faces, "%s/../shared/data/faces", source ? source : ".");
    if (argc < 2 || stat(faces, &st) != 0) {
        printf("SKIP: answers need the program as argument and ../shared/data/faces\n");
        return 77;
    }
    train(argv[1]);
    test_answers_from_threads();
    snprintf(command, sizeof command, "rm -r '%s'", at);
    CHECK(system(command) == 0);
    printf("passed\n");
    return 0;
}
