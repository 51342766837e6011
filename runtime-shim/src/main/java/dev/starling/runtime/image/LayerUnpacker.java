package dev.starling.runtime.image;

import static dev.starling.runtime.image.FileSystemCalls.E2BIG;
import static dev.starling.runtime.image.FileSystemCalls.EEXIST;
import static dev.starling.runtime.image.FileSystemCalls.EINVAL;
import static dev.starling.runtime.image.FileSystemCalls.EISDIR;
import static dev.starling.runtime.image.FileSystemCalls.ELOOP;
import static dev.starling.runtime.image.FileSystemCalls.ENOENT;
import static dev.starling.runtime.image.FileSystemCalls.ENOTDIR;
import static dev.starling.runtime.image.FileSystemCalls.ENOTEMPTY;
import static dev.starling.runtime.image.FileSystemCalls.EPERM;
import static dev.starling.runtime.image.FileSystemCalls.ERANGE;

import dev.starling.runtime.RuntimeShimException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Writes one layer's entries below a directory, in the form that overlayfs wants as a lower directory.
 *
 * <p>The archive is hostile until proven otherwise, and this runs as root. So no path is ever given to the kernel: each component is opened
 * relative to the one before with O_NOFOLLOW, from the layer's root down ({@link DirectoryChain}), and the last is only ever created, linked or removed. A link
 * in the layer, whatever it points to, is data. Where an archive wants to go through one, it is refused.
 *
 * <p>Deletions of lower layers are files named {@code .wh.NAME} (OCI image-spec layer.md, "Whiteouts"); overlayfs wants a character device
 * 0/0 named NAME, and the extended attribute trusted.overlay.opaque=y on a directory whose lower contents are gone (kernel,
 * Documentation/filesystems/overlayfs.rst). A layer may hold {@code .wh.NAME} and NAME both, in any order: NAME then replaces what was below.
 *
 * <p>One object unpacks one layer, on one thread.
 */
final class LayerUnpacker {
    private static final String WHITEOUT = ".wh.";
    private static final String OPAQUE = ".wh..wh..opq";
    /** Bookkeeping of AUFS in archives of its time. */
    private static final String AUFS_PRIVATE = ".wh..wh.";
    private static final int COMPONENT_LIMIT = 255;
    private static final int PATH_LIMIT = 2048;
    private static final int DEPTH_LIMIT = 256;
    private static final int TARGET_LIMIT = 4095;
    /** What an object for a name costs in the heap beside the name, about. */
    private static final int REMEMBERING_BYTES = 64;
    private static final String CAPABILITY = "security.capability";

    /** Hears what becomes of the tar's files, in its order. */
    interface Journal {
        Journal NONE = new Journal() {
            @Override
            public void file(String path, long size) { }

            @Override
            public void replaced() { }
        };

        /** The next {@code size} bytes that are read of the tar are the content of this file. */
        void file(String path, long size);

        /** Something is not there any more, since a later entry of the layer took its place. */
        void replaced();
    }

    private final FileSystemCalls calls;
    private final ImageLimits limits;
    private final String where;
    private final Path root;
    private final Journal journal;
    private final byte[] buffer = new byte[1 << 16];
    /** The way to the entry at hand; there while {@link #unpack(TarReader)} runs. */
    private DirectoryChain directories;

    /** Times of directories are set last: each entry made in one changes them. */
    private final List<DirectoryTime> directoryTimes = new ArrayList<>();
    private final Set<String> whiteouts = new HashSet<>();
    private long rememberedNameBytes;
    private int entries;
    private long size;

    private record DirectoryTime(String path, long seconds, int nanos) {}

    /** An entry's place: its directory, open, and its name there. {@code "."} is the layer's root itself. */
    private record Place(int directory, String name, String shown) {}

    /**
     * @param where names the layer for error messages
     * @param root  an empty directory that nobody else writes to
     */
    LayerUnpacker(FileSystemCalls calls, ImageLimits limits, String where, Path root) {
        this(calls, limits, where, root, Journal.NONE);
    }

    LayerUnpacker(FileSystemCalls calls, ImageLimits limits, String where, Path root, Journal journal) {
        this.journal = journal;
        this.calls = calls;
        this.limits = limits;
        this.where = where;
        this.root = root;
    }

    /** @return bytes of all files */
    long unpack(TarReader tar) throws IOException {
        try (DirectoryChain parents = new DirectoryChain(calls, root)) {
            directories = parents;
            calls.changeMode(parents.enter(List.of(), false), ".", 0755, root.toString());
            for (TarEntry entry = tar.next(); entry != null; entry = tar.next()) {
                if (++entries > limits.layerEntries()) {
                    throw RuntimeShimException.invalid(
                            "image archive: " + where + " has more than " + limits.layerEntries() + " entries");
                }
                unpack(entry, tar);
            }
            for (DirectoryTime time : directoryTimes) {
                Place place = place(directories, time.path.isEmpty() ? List.of() : List.of(time.path.split("/")), false);
                calls.changeTimes(place.directory, place.name, time.seconds, time.nanos, place.shown);
            }
            return size;
        }
    }

    private void unpack(TarEntry entry, TarReader tar) throws IOException {
        List<String> path = components(entry, entry.name());
        if (path.isEmpty() && entry.type() != TarEntry.Type.DIRECTORY) {
            throw invalid(entry, "takes the place of the layer's root");
        }
        String last = path.isEmpty() ? "" : path.get(path.size() - 1);
        if (path.stream().anyMatch(component -> component.startsWith(AUFS_PRIVATE) && !component.equals(OPAQUE))) {
            return;
        }
        try {
            if (last.equals(OPAQUE)) {
                // the mark's own parents are opened, so the directory that becomes opaque is one, and not a link to one
                Place mark = place(directories, path, true);
                makeOpaque(new Place(mark.directory, ".", mark.shown));
            } else if (last.startsWith(WHITEOUT)) {
                whiteout(entry, path);
            } else {
                make(entry, path, tar);
            }
        } catch (DirectoryChain.NotADirectory parent) {
            throw invalid(entry, "goes through '" + TarEntry.shown(parent.component()) + "', which is not a directory");
        }
    }

    private void whiteout(TarEntry entry, List<String> path) throws IOException {
        String hidden = path.get(path.size() - 1).substring(WHITEOUT.length());
        if (hidden.isEmpty() || hidden.equals(".") || hidden.equals("..")) {
            throw invalid(entry, "is a whiteout of nothing");
        }
        List<String> hiddenPath = new ArrayList<>(path.subList(0, path.size() - 1));
        hiddenPath.add(hidden);
        Place place = place(directories, hiddenPath, true);
        try {
            calls.makeNode(place.directory, hidden, FileSystemCalls.S_IFCHR, 0, 0, place.shown);
            whiteouts.add(remembered(entry, hiddenPath));
        } catch (RuntimeShimException failure) {
            if (failure.errno() != EEXIST) {
                throw failure;
            }
            if (isDirectory(place)) { // a file of that name hides what is below anyway
                makeOpaque(place);
            }
        }
    }

    private void make(TarEntry entry, List<String> path, TarReader tar) throws IOException {
        if (entry.type() == TarEntry.Type.HARD_LINK) {
            hardLink(entry, path);
            return;
        }
        boolean afterWhiteout = !whiteouts.isEmpty() && whiteouts.remove(String.join("/", path));
        Place place = place(directories, path, true);
        switch (entry.type()) {
            case DIRECTORY -> directory(entry, path, place, afterWhiteout);
            case FILE -> replacing(entry, place, afterWhiteout, () -> file(entry, path, place, tar));
            case SYMBOLIC_LINK -> {
                if (entry.linkName().isEmpty() || entry.linkName().length() > TARGET_LIMIT) {
                    throw invalid(entry, "is a symbolic link with a target of " + entry.linkName().length() + " bytes");
                }
                replacing(entry, place, afterWhiteout, () -> calls.makeSymbolicLink(entry.linkName(), place.directory, place.name, place.shown));
            }
            case CHARACTER_DEVICE -> node(entry, place, afterWhiteout, FileSystemCalls.S_IFCHR);
            case BLOCK_DEVICE -> node(entry, place, afterWhiteout, FileSystemCalls.S_IFBLK);
            case FIFO -> node(entry, place, afterWhiteout, FileSystemCalls.S_IFIFO);
            case HARD_LINK -> throw new IllegalStateException("made above");
        }
        describe(entry, place);
    }

    /** The order matters: chown clears setuid bits and capabilities, and every change before the time's changes the time. */
    private void describe(TarEntry entry, Place place) {
        calls.changeOwner(place.directory, place.name, entry.userId(), entry.groupId(), place.shown);
        if (entry.type() != TarEntry.Type.SYMBOLIC_LINK) {
            calls.changeMode(place.directory, place.name, entry.mode(), place.shown);
        }
        for (Map.Entry<String, byte[]> attribute : entry.extendedAttributes().entrySet()) {
            // the others belong to the host: its security module's labels, and trusted.overlay.*, which steers overlayfs
            if (attribute.getKey().equals(CAPABILITY) || attribute.getKey().startsWith("user.")) {
                attribute(entry, place, attribute.getKey(), attribute.getValue());
            }
        }
        if (entry.type() != TarEntry.Type.DIRECTORY) {
            calls.changeTimes(place.directory, place.name, entry.modifiedSeconds(), entry.modifiedNanos(), place.shown);
        }
    }

    private void attribute(TarEntry entry, Place place, String name, byte[] value) {
        try {
            calls.setAttribute(place.directory, place.name, name, value, place.shown);
        } catch (RuntimeShimException failure) {
            throw switch (failure.errno()) {
                case EINVAL, ERANGE, E2BIG -> invalid(entry, "has a malformed extended attribute '" + TarEntry.shown(name) + "'");
                default -> failure;
            };
        }
    }

    private void directory(TarEntry entry, List<String> path, Place place, boolean afterWhiteout) throws IOException {
        if (!path.isEmpty() && madeDirectory(entry, place, afterWhiteout) && afterWhiteout) {
            makeOpaque(place);
        }
        directoryTimes.add(new DirectoryTime(remembered(entry, path), entry.modifiedSeconds(), entry.modifiedNanos()));
    }

    /** @return false where it is there already */
    private boolean madeDirectory(TarEntry entry, Place place, boolean afterWhiteout) throws IOException {
        try {
            calls.makeDirectory(place.directory, place.name, place.shown);
            return true;
        } catch (RuntimeShimException failure) {
            if (failure.errno() != EEXIST) {
                throw failure;
            }
        }
        if (isDirectory(place)) {
            return false;
        }
        replacing(entry, place, afterWhiteout, () -> calls.makeDirectory(place.directory, place.name, place.shown));
        return true;
    }

    private void file(TarEntry entry, List<String> path, Place place, TarReader tar) throws IOException {
        int descriptor = calls.createFile(place.directory, place.name, place.shown);
        try {
            journal.file(String.join("/", path), entry.size());
            for (int count = tar.read(buffer); count >= 0; count = tar.read(buffer)) {
                calls.write(descriptor, buffer, count, place.shown);
                size += count;
            }
        } finally {
            calls.close(descriptor);
        }
    }

    private void node(TarEntry entry, Place place, boolean afterWhiteout, int type) throws IOException {
        replacing(entry, place, afterWhiteout, () -> calls.makeNode(
                place.directory, place.name, type | 0600, entry.deviceMajor(), entry.deviceMinor(), place.shown));
    }

    private void hardLink(TarEntry entry, List<String> path) throws IOException {
        List<String> target = components(entry, entry.linkName());
        if (target.isEmpty() || target.equals(path)) {
            throw invalid(entry, "is a hard link to " + (target.isEmpty() ? "the layer's root" : "itself"));
        }
        boolean afterWhiteout = whiteouts.remove(String.join("/", path));
        Place place = place(directories, path, true);
        replacing(entry, place, afterWhiteout, () -> {
            try (DirectoryChain targets = new DirectoryChain(calls, root)) { // a way of its own: the link's has to stay as it is
                Place old = place(targets, target, false);
                calls.makeHardLink(old.directory, old.name, place.directory, place.name, place.shown);
            } catch (RuntimeShimException failure) {
                if (failure.errno() == ENOENT || failure.errno() == EPERM) {
                    throw invalid(entry, "is a hard link to '" + TarEntry.shown(entry.linkName()) + "', which is no file of the layer");
                }
                throw failure;
            }
        });
    }

    private interface Creation {
        void run() throws IOException;
    }

    /** Later entries replace earlier ones of the same name, as tar does; a directory only if it is empty. */
    private void replacing(TarEntry entry, Place place, boolean afterWhiteout, Creation creation) throws IOException {
        try {
            creation.run();
        } catch (RuntimeShimException failure) {
            if (failure.errno() != EEXIST) {
                throw failure;
            }
            removeExisting(entry, place);
            if (!afterWhiteout) {
                journal.replaced();
            }
            creation.run();
        }
    }

    private void removeExisting(TarEntry entry, Place place) {
        try {
            calls.unlink(place.directory, place.name, place.shown);
        } catch (RuntimeShimException failure) {
            if (failure.errno() != EISDIR) {
                throw failure;
            }
            try {
                calls.removeDirectory(place.directory, place.name, place.shown);
            } catch (RuntimeShimException notEmpty) {
                throw notEmpty.errno() == ENOTEMPTY ? invalid(entry, "replaces a directory that is not empty") : notEmpty;
            }
        }
    }

    private void makeOpaque(Place place) {
        calls.setAttribute(place.directory, place.name, "trusted.overlay.opaque", new byte[] {'y'}, place.shown);
    }

    private boolean isDirectory(Place place) {
        try {
            calls.close(calls.openDirectory(place.directory, place.name, place.shown));
            return true;
        } catch (RuntimeShimException failure) {
            if (failure.errno() == ENOTDIR || failure.errno() == ELOOP || failure.errno() == ENOENT) {
                return false;
            }
            throw failure;
        }
    }

    /** What is removed or replaced is always at such a place, so never on the chain's way. */
    private Place place(DirectoryChain chain, List<String> path, boolean makeParents) {
        if (path.isEmpty()) {
            return new Place(chain.enter(path, makeParents), ".", root.toString());
        }
        int last = path.size() - 1;
        return new Place(chain.enter(path.subList(0, last), makeParents), path.get(last), root + "/" + TarEntry.shown(String.join("/", path)));
    }

    /** An absolute name counts from the layer's root, as in a chroot. */
    private List<String> components(TarEntry entry, String name) {
        if (name.length() > PATH_LIMIT) {
            throw invalid(entry, "has a name of " + name.length() + " bytes; " + PATH_LIMIT + " are allowed");
        }
        List<String> components = new ArrayList<>();
        for (String component : name.split("/")) {
            switch (component) {
                case "", "." -> { }
                case ".." -> throw invalid(entry, name.equals(entry.name())
                        ? "leads outside the layer"
                        : "is a link to '" + TarEntry.shown(name) + "', which leads outside the layer");
                default -> components.add(component);
            }
            if (component.length() > COMPONENT_LIMIT || components.size() > DEPTH_LIMIT) {
                throw invalid(entry, "has a name that no file system takes");
            }
        }
        return components;
    }

    private String remembered(TarEntry entry, List<String> path) {
        String joined = String.join("/", path);
        rememberedNameBytes += joined.length() + REMEMBERING_BYTES;
        if (rememberedNameBytes > limits.layerNameBytes()) {
            throw invalid(entry, "is one too many: the names of directories and whiteouts exceed " + limits.layerNameBytes() + " bytes");
        }
        return joined;
    }

    private RuntimeShimException invalid(TarEntry entry, String why) {
        return RuntimeShimException.invalid("image archive: entry '" + entry.shownName() + "' of " + where + " " + why);
    }
}
