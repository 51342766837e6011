package dev.starling.node.powercut;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.random.RandomGenerator;

/**
 * A disk that calls are replayed on, and that can be asked at any moment what may be left of it once the power is cut. As harsh as POSIX
 * allows: what was synced is there; of the writes to a file since its last sync, any may be, whole or torn, in any order; of the names
 * that were made, changed or removed in a directory since that was synced, the first few, in order (every file system in use keeps that
 * order). A file's sync does not save its name.
 */
public final class CutDisk {
    /** Of a torn write each sector is old or new. */
    private static final int SECTOR_BYTES = 512;

    /** What is left of the writes that were not synced. */
    public enum Left { NOTHING, EVERYTHING, FIRST_FEW, ANY }

    /** @param bytes null where the file is cut to the length {@code at} */
    private record Change(int at, byte[] bytes) {}

    /** A file's bytes while changes are put onto them. */
    private static final class Content {
        private byte[] bytes;
        private int length;

        Content(byte[] bytes) {
            this.bytes = bytes.clone();
            this.length = bytes.length;
        }

        /** @param tear null for all of it; otherwise of each sector it is drawn whether it is written */
        void apply(Change change, RandomGenerator tear) {
            if (change.bytes() == null) {
                Arrays.fill(bytes, Math.min(length, change.at()), length, (byte) 0);
                length = change.at();
                return;
            }
            int end = change.at() + change.bytes().length;
            if (end > bytes.length) {
                bytes = Arrays.copyOf(bytes, Math.max(end, 2 * bytes.length));
            }
            for (int from = change.at(); from < end; ) {
                int to = Math.min(end, (from / SECTOR_BYTES + 1) * SECTOR_BYTES);
                if (tear == null || tear.nextBoolean()) {
                    System.arraycopy(change.bytes(), from - change.at(), bytes, from, to - from);
                }
                from = to;
            }
            length = Math.max(length, end);
        }

        byte[] toArray() {
            return Arrays.copyOf(bytes, length);
        }
    }

    private static final class Inode {
        byte[] synced = {};
        final List<Change> since = new ArrayList<>();
    }

    private static final class OpenFile {
        final String path;
        final Inode inode;
        long position;

        OpenFile(String path, Inode inode) {
            this.path = path;
            this.inode = inode;
        }
    }

    /** A name that came (inode) or went (null). */
    private record NameChange(String directory, String name, Inode inode) {}

    private static final Inode DIRECTORY = new Inode();

    private final Map<Integer, OpenFile> open = new HashMap<>();
    private final Map<String, Inode> names = new TreeMap<>();
    private final Map<String, Inode> syncedNames = new TreeMap<>();
    private final List<List<NameChange>> namesSince = new ArrayList<>();

    /** @param atMost how many bytes of it happen, where it is a write */
    public void replay(DiskCall call, int atMost) {
        if (call instanceof DiskCall.MakeDirectory made) {
            change(List.of(named(made.path(), DIRECTORY)));
        } else if (call instanceof DiskCall.Open opened) {
            open(opened);
        } else if (call instanceof DiskCall.Write write) {
            write(open.get(write.file()), write.offset(), Arrays.copyOf(write.bytes(), Math.min(atMost, write.bytes().length)));
        } else if (call instanceof DiskCall.Seek seek) {
            open.get(seek.file()).position = seek.offset();
        } else if (call instanceof DiskCall.Truncate truncate) {
            truncate(open.get(truncate.file()).inode, truncate.length());
        } else if (call instanceof DiskCall.Sync sync) {
            sync(open.get(sync.file()));
        } else if (call instanceof DiskCall.Rename rename) {
            change(List.of(named(rename.from(), null), named(rename.to(), names.get(rename.from()))));
        } else if (call instanceof DiskCall.Unlink unlink) {
            change(List.of(named(unlink.path(), null)));
        } else {
            throw new AssertionError("unknown call " + call);
        }
    }

    private void open(DiskCall.Open opened) {
        Inode inode = names.get(opened.path());
        if (inode == null && opened.creates()) {
            inode = new Inode();
            change(List.of(named(opened.path(), inode)));
        } else if (inode == null) {
            inode = DIRECTORY; // the root, or one that was there before
        } else if (opened.truncates()) {
            truncate(inode, 0);
        }
        open.put(opened.file(), new OpenFile(opened.path(), inode));
    }

    private static void truncate(Inode inode, long length) {
        inode.since.add(new Change(Math.toIntExact(length), null));
    }

    private static void write(OpenFile file, long offset, byte[] bytes) {
        long at = offset < 0 ? file.position : offset;
        if (offset < 0) {
            file.position += bytes.length;
        }
        file.inode.since.add(new Change(Math.toIntExact(at), bytes));
    }

    private void sync(OpenFile file) {
        if (file.inode != DIRECTORY) {
            file.inode.synced = left(file.inode, Left.EVERYTHING, null);
            file.inode.since.clear();
            return;
        }
        for (Iterator<List<NameChange>> changes = namesSince.iterator(); changes.hasNext(); ) {
            List<NameChange> change = changes.next();
            if (change.get(0).directory().equals(file.path)) {
                change.forEach(one -> apply(syncedNames, one));
                changes.remove();
            }
        }
    }

    private NameChange named(String path, Inode inode) {
        int slash = path.lastIndexOf('/');
        return new NameChange(slash < 0 ? "" : path.substring(0, slash), path, inode);
    }

    private void change(List<NameChange> changes) {
        changes.forEach(change -> apply(names, change));
        namesSince.add(changes);
    }

    private static void apply(Map<String, Inode> names, NameChange change) {
        if (change.inode() == null) {
            names.remove(change.name());
        } else {
            names.put(change.name(), change.inode());
        }
    }

    private static byte[] left(Inode inode, Left left, RandomGenerator random) {
        Content content = new Content(inode.synced);
        int few = left == Left.FIRST_FEW ? random.nextInt(inode.since.size() + 1) : 0;
        for (int i = 0; i < inode.since.size(); i++) {
            boolean happens = switch (left) {
                case NOTHING -> false;
                case EVERYTHING -> true;
                case FIRST_FEW -> i <= few;
                case ANY -> random.nextBoolean();
            };
            boolean torn = left == Left.FIRST_FEW && i == few || left == Left.ANY && random.nextInt(4) == 0;
            if (happens) {
                content.apply(inode.since.get(i), torn ? random : null);
            }
        }
        return content.toArray();
    }

    /** Makes below {@code root}, an empty directory, what is left when the power is cut now. */
    public void cut(Path root, Left left, RandomGenerator random) throws IOException {
        Map<String, Inode> found = new TreeMap<>(syncedNames);
        int few = switch (left) {
            case NOTHING -> 0;
            case EVERYTHING -> namesSince.size();
            case FIRST_FEW, ANY -> random.nextInt(namesSince.size() + 1);
        };
        namesSince.subList(0, few).forEach(changes -> changes.forEach(change -> apply(found, change)));
        for (Map.Entry<String, Inode> entry : found.entrySet()) { // in order: a directory comes before what is in it
            Path path = root.resolve(entry.getKey());
            if (!Files.isDirectory(path.getParent())) {
                continue; // its directory did not survive
            }
            if (entry.getValue() == DIRECTORY) {
                Files.createDirectory(path);
            } else {
                Files.write(path, left(entry.getValue(), left, random));
            }
        }
    }
}
