/* Answers SQL queries over a database: the item of `db` is an SQLite file, each item of `queries` a query. Item NAME gives
 * /out/NAME.csv with a line of column names and the rows (RFC 4180).
 *
 * The database is read where the platform placed it, by the low-level interface: a query touches the pages that it
 * needs, and nothing is copied. Queries and results are files. */
#include <dandelion/function.h>
#include <dirent.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static sqlite3 *open_database(void) {
    dandelion_item *item = dandelion_input(dandelion_input_set("db"), 0);
    sqlite3 *database;
    if (!item) {
        fputs("the input db has no item\n", stderr);
        return NULL;
    }
    if (sqlite3_open(":memory:", &database) != SQLITE_OK) return NULL;
    int status = sqlite3_deserialize(
        database, "main", item->data, (sqlite3_int64)item->length, (sqlite3_int64)item->length, SQLITE_DESERIALIZE_READONLY);
    if (status == SQLITE_OK) return database;
    fprintf(stderr, "db/%.*s: %s\n", (int)item->name_length, item->name, sqlite3_errmsg(database));
    return NULL;
}

static void put_field(FILE *out, const char *text, int last) {
    if (text && (!*text || strpbrk(text, ",\"\r\n"))) {
        putc('"', out);
        for (; *text; text++) {
            if (*text == '"') putc('"', out);
            putc(*text, out);
        }
        putc('"', out);
    } else if (text) {
        fputs(text, out);
    }
    fputs(last ? "\r\n" : ",", out);
}

/* Runs one statement and writes its rows. */
static int put_rows(sqlite3 *database, const char *sql, FILE *out) {
    sqlite3_stmt *statement;
    int status = sqlite3_prepare_v2(database, sql, -1, &statement, NULL);
    if (status != SQLITE_OK) return status;
    int columns = sqlite3_column_count(statement);
    for (int i = 0; i < columns; i++) put_field(out, sqlite3_column_name(statement, i), i == columns - 1);
    while ((status = sqlite3_step(statement)) == SQLITE_ROW)
        for (int i = 0; i < columns; i++)
            put_field(out, (const char *)sqlite3_column_text(statement, i), i == columns - 1);
    sqlite3_finalize(statement);
    return status == SQLITE_DONE ? SQLITE_OK : status;
}

static char *contents(const char *path) {
    FILE *file = fopen(path, "r");
    char *text = NULL;
    size_t room = 0;
    if (!file) return NULL;
    if (getdelim(&text, &room, 0, file) < 0) {
        free(text);
        text = NULL;
    }
    fclose(file);
    return text;
}

static int answer(sqlite3 *database, const char *name) {
    char path[PATH_MAX];
    snprintf(path, sizeof path, "/queries/%s", name);
    char *sql = contents(path);
    snprintf(path, sizeof path, "/out/%s.csv", name);
    FILE *out = sql ? fopen(path, "w") : NULL;
    int status = out ? put_rows(database, sql, out) : SQLITE_CANTOPEN;
    if (status != SQLITE_OK) fprintf(stderr, "queries/%s: %s\n", name, out ? sqlite3_errmsg(database) : "cannot be read");
    free(sql);
    return (out && fclose(out) != 0) || status != SQLITE_OK;
}

int main(void) {
    sqlite3 *database = open_database();
    DIR *queries = opendir("/queries");
    int failed = 0;
    if (!database || !queries) return 1;
    for (struct dirent *entry; (entry = readdir(queries));)
        if (entry->d_type == DT_REG) failed |= answer(database, entry->d_name);
    closedir(queries);
    sqlite3_close(database);
    return failed;
}
