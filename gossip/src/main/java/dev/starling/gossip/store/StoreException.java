package dev.starling.gossip.store;

import java.nio.file.Path;
import java.sql.SQLException;
import org.sqlite.SQLiteException;

/** The node's store could not be read or written. The message names the file, what was being done and why it failed. */
public final class StoreException extends RuntimeException {
    /** What went wrong, as far as the node may react to it. */
    public enum Reason {
        /** The disk, a quota or the store's own size limit. Nothing of the batch was written; it may work once there is room. */
        FULL,
        READ_ONLY,
        /** Another agent uses the same data directory. */
        IN_USE,
        /** The file is no database, or a damaged one. */
        CORRUPT,
        /** A newer release wrote it. */
        TOO_NEW,
        OTHER
    }

    private final Reason reason;

    private StoreException(Reason reason, String message, Throwable cause) {
        super(message, cause);
        this.reason = reason;
    }

    public Reason reason() {
        return reason;
    }

    static StoreException of(Path file, String doing, SQLException cause) {
        Reason reason = cause instanceof SQLiteException sqlite ? reason(sqlite) : Reason.OTHER;
        String why = switch (reason) {
            case FULL -> "no space is left on the device, or the store's size limit is reached";
            case READ_ONLY -> "it is read-only";
            case IN_USE -> "another agent uses this data directory";
            case CORRUPT -> "it is damaged";
            case TOO_NEW, OTHER -> "see the cause";
        };
        return new StoreException(reason, "node store " + file + ": " + doing + " failed: " + why + " (" + cause.getMessage() + ")", cause);
    }

    static StoreException file(Path file, String doing, Exception cause) {
        return new StoreException(Reason.OTHER, "node store " + file + ": " + doing + " failed: " + cause, cause);
    }

    static StoreException tooNew(Path file, int found, int known) {
        return new StoreException(Reason.TOO_NEW, "node store " + file + ": has schema version " + found + ", this release knows up to " + known
                + ": run the newer release again, or move the file aside", null);
    }

    static StoreException damaged(Path file, String finding) {
        return new StoreException(Reason.CORRUPT, "node store " + file + ": is damaged: " + finding, null);
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
