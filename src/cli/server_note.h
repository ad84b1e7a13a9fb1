/* cli/server_note: how the programs find the running server: data/run/server.lock is locked (flock) by it for its life and holds
 * one line, "PID PORT". */
#ifndef CLI_SERVER_NOTE_H
#define CLI_SERVER_NOTE_H

#include "cli.h"

/* Locks and writes the note; the descriptor stays open for the server's life. TL_ERR_BUSY names the server that runs already. */
enum tl_status server_note_take(const char *data_dir, int *ret_fd, struct tl_err *err);
enum tl_status server_note_write(int fd, uint16_t port, struct tl_err *err);

#endif
