import { closeSync, mkdirSync, openSync, statSync, writeSync } from "node:fs";
import ssh2, { type SFTPWrapper } from "ssh2";

const { STATUS_CODE } = ssh2.utils.sftp;

/** The few requests of SFTP that an upload makes, on the real file system. */
export function serveSftp(sftp: SFTPWrapper): void {
  const answer = (request: number, work: () => void): void => {
    try {
      work();
    } catch (error) {
      const missing = error instanceof Error && "code" in error && error.code === "ENOENT";
      sftp.status(request, missing ? STATUS_CODE.NO_SUCH_FILE : STATUS_CODE.FAILURE);
    }
  };
  const stat = (request: number, path: string): void => {
    answer(request, () => {
      const { mode, uid, gid, size } = statSync(path);
      sftp.attrs(request, { mode, uid, gid, size, atime: 0, mtime: 0 });
    });
  };
  sftp.on("STAT", stat);
  sftp.on("LSTAT", stat);
  sftp.on("OPEN", (request, path) => {
    answer(request, () => {
      const file = openSync(path, "w");
      const handle = Buffer.alloc(4);
      handle.writeUInt32BE(file);
      sftp.handle(request, handle);
    });
  });
  sftp.on("WRITE", (request, handle, offset, data) => {
    answer(request, () => {
      writeSync(handle.readUInt32BE(), data, 0, data.length, offset);
      sftp.status(request, STATUS_CODE.OK);
    });
  });
  const done = (request: number): void => {
    sftp.status(request, STATUS_CODE.OK);
  };
  sftp.on("FSETSTAT", done);
  sftp.on("SETSTAT", done);
  sftp.on("CLOSE", (request, handle) => {
    answer(request, () => {
      closeSync(handle.readUInt32BE());
      done(request);
    });
  });
  sftp.on("MKDIR", (request, path) => {
    answer(request, () => {
      mkdirSync(path);
      done(request);
    });
  });
}
