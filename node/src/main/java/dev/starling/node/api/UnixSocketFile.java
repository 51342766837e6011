package dev.starling.node.api;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.PosixFilePermissions;

/**
 * The file of a unix socket. It is bound in a directory that only we may enter, gets its mode there, and is then moved to its place: so it
 * is never open to more than it should be, and takes the place of one that a dead agent left in one step.
 */
final class UnixSocketFile {
    /** Linux: sun_path has 108 bytes with the zero at its end. */
    private static final int MAX_PATH_BYTES = 107;

    private final Path place;
    private final Path workshop;
    private Object inode;

    private UnixSocketFile(Path place, Path workshop) {
        this.place = place;
        this.workshop = workshop;
    }

    /** @throws IOException where something answers at {@code place}, or it is no socket, or the path is too long */
    static UnixSocketFile prepare(Path place) throws IOException {
        Path absolute = place.toAbsolutePath();
        Path workshop = absolute.resolveSibling("." + absolute.getFileName() + "." + ProcessHandle.current().pid());
        UnixSocketFile file = new UnixSocketFile(absolute, workshop);
        if (file.bindPath().toString().getBytes(StandardCharsets.UTF_8).length > MAX_PATH_BYTES) {
            throw new IOException("the path of the API socket is too long (it is bound as " + file.bindPath() + ", at most "
                    + MAX_PATH_BYTES + " bytes)");
        }
        if (Files.exists(absolute, LinkOption.NOFOLLOW_LINKS)) {
            if (!Files.readAttributes(absolute, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS).isOther()) {
                throw new IOException("the path of the API socket is taken: " + absolute + " is no socket");
            }
            if (answers(absolute)) {
                throw new IOException("another daemon listens at " + absolute);
            }
        }
        Files.createDirectories(absolute.getParent());
        file.removeWorkshop();
        Files.createDirectory(workshop, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
        return file;
    }

    /** Where to bind. */
    Path bindPath() {
        return workshop.resolve("s");
    }

    /** After the bind: mode 0660, and to its place. */
    void publish() throws IOException {
        Files.setPosixFilePermissions(bindPath(), PosixFilePermissions.fromString("rw-rw----"));
        inode = Files.readAttributes(bindPath(), BasicFileAttributes.class).fileKey();
        Files.move(bindPath(), place, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        removeWorkshop();
    }

    /** Removes the file, unless another agent's has taken its place. */
    void remove() throws IOException {
        removeWorkshop();
        if (inode != null && Files.exists(place, LinkOption.NOFOLLOW_LINKS)
                && inode.equals(Files.readAttributes(place, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS).fileKey())) {
            Files.delete(place);
        }
    }

    private void removeWorkshop() throws IOException {
        Files.deleteIfExists(bindPath());
        Files.deleteIfExists(workshop);
    }

    private static boolean answers(Path socket) {
        try (SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX)) {
            channel.connect(UnixDomainSocketAddress.of(socket));
            return true;
        } catch (IOException e) {
            return false; // refused: whoever made it is gone
        }
    }
}
