package dev.starling.gossip.store;

import java.nio.file.Path;
import java.sql.SQLException;
import org.sqlite.SQLiteException;

/** The node's store could not be read or written. The message names the file, what was being done, why it failed and what to do. */
public final class StoreException extends RuntimeException {
    /** What went wrong, as far as the node may react to it. */
    public enum Reason {
        /** The disk, a quota or the store's own size limit. Nothing of the batch was written; it may work once there is room. */
        FULL("no space is left on its disk, or the store's size limit is reached: make room there"),
        READ_ONLY("it is read-only: look into the kernel's log for errors of the device, and mount it writable"),
        /** Another agent uses the same data directory. */
        IN_USE("another agent uses this data directory"),
        /** The file is no database, or a damaged one. */
        CORRUPT("it is damaged: it is moved aside and written anew"),
        /** Somebody removed or replaced the file under a running agent: what was written since is in a file that nobody will find again. */
        LOST("it was removed or replaced while in use: it is written anew"),
        /** A newer release wrote it. */
        TOO_NEW("a newer release wrote it: run that one, or move the file aside"),
        OTHER("the disk reports an error: look into the kernel's log");

        private final String explanation;

        Reason(String explanation) {
            this.explanation = explanation;
        }
    }

    private final Reason reason;
    private final Path file;
    private final String detail;

    private StoreException(Reason reason, Path file, String doing, String detail, Throwable cause) {
        super("node store " + file + ": " + doing + " failed: " + reason.explanation + (detail.isEmpty() ? "" : " (" + detail + ")"), cause);
        this.reason = reason;
        this.file = file;
        this.detail = detail;
    }

    public Reason reason() {
        return reason;
    }

    /** Where, why and what to do, without what was being done: the same text for as long as the trouble is the same. */
    public String trouble() {
        return "the node's store " + file + " cannot be written: " + reason.explanation + (reason == Reason.OTHER ? " (" + detail + ")" : "");
    }

    static StoreException of(Path file, String doing, SQLException cause) {
        Reason reason = cause instanceof SQLiteException sqlite ? reason(sqlite) : Reason.OTHER;
        if (reason != Reason.OTHER) {
            return new StoreException(reason, file, doing, cause.getMessage(), cause);
        }
        return told(file, doing, DiskComplaint.in(file.toAbsolutePath().getParent()), cause);
    }

    static StoreException file(Path file, String doing, Exception cause) {
        return told(file, doing, DiskComplaint.in(file.toAbsolutePath().getParent()), cause);
    }

    /** @param complaint what the kernel says to a write in the file's directory; empty where it takes one */
    private static StoreException told(Path file, String doing, String complaint, Exception cause) {
        return switch (complaint) {
            case "Read-only file system" -> new StoreException(Reason.READ_ONLY, file, doing, cause.getMessage(), cause);
            case "No space left on device", "Disk quota exceeded" -> new StoreException(Reason.FULL, file, doing, cause.getMessage(), cause);
            case "" -> new StoreException(Reason.OTHER, file, doing, String.valueOf(cause.getMessage()), cause);
            default -> new StoreException(Reason.OTHER, file, doing, complaint, cause);
        };
    }

    static StoreException tooNew(Path file, int found, int known) {
        return new StoreException(Reason.TOO_NEW, file, "opening it", "it has schema version " + found + ", this release knows up to " + known, null);
    }

    static StoreException damaged(Path file, String finding) {
        return new StoreException(Reason.CORRUPT, file, "opening it", finding, null);
    }

    static StoreException lost(Path file, String doing) {
        return new StoreException(Reason.LOST, file, doing, "", null);
    }

    private static Reason reason(SQLiteException exception) {
        return switch (exception.getResultCode().code & 0xff) { // the primary code; the rest details it
            case 13 -> Reason.FULL; // SQLITE_FULL
            case 8 -> Reason.READ_ONLY; // SQLITE_READONLY
            case 5, 6 -> Reason.IN_USE; // SQLITE_BUSY, SQLITE_LOCKED
            case 11, 26 -> Reason.CORRUPT; // SQLITE_CORRUPT, SQLITE_NOTADB
            default -> Reason.OTHER;
        };
    }
}
