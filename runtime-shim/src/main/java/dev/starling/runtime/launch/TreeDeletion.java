package dev.starling.runtime.launch;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.SecureDirectoryStream;
import java.nio.file.attribute.BasicFileAttributeView;

/**
 * Deletes a directory tree that a container has written, which may be hostile: links are removed and never followed (all steps are relative
 * to open directories), and a tree deeper than a path can name or a stack can hold is brought up to the top piece by piece.
 */
public final class TreeDeletion {
    private static final int MAX_DEPTH = 64;

    private final SecureDirectoryStream<Path> top;
    private long moved;

    private TreeDeletion(SecureDirectoryStream<Path> top) {
        this.top = top;
    }

    public static void delete(Path directory) throws IOException {
        boolean again = true;
        while (again) {
            try (DirectoryStream<Path> stream = Files.newDirectoryStream(directory)) {
                TreeDeletion deletion = new TreeDeletion((SecureDirectoryStream<Path>) stream);
                deletion.empty(deletion.top, 0);
                again = deletion.moved > 0;
            } catch (NoSuchFileException e) {
                return;
            }
        }
        Files.deleteIfExists(directory);
    }

    private void empty(SecureDirectoryStream<Path> directory, int depth) throws IOException {
        for (Path entry : directory) {
            Path name = entry.getFileName();
            if (!isDirectory(directory, name)) {
                directory.deleteFile(name);
            } else if (depth >= MAX_DEPTH) {
                directory.move(name, top, Path.of("deep-" + System.nanoTime() + "-" + moved++));
            } else {
                try (SecureDirectoryStream<Path> child = directory.newDirectoryStream(name, LinkOption.NOFOLLOW_LINKS)) {
                    empty(child, depth + 1);
                }
                directory.deleteDirectory(name);
            }
        }
    }

    private static boolean isDirectory(SecureDirectoryStream<Path> directory, Path name) throws IOException {
        return directory.getFileAttributeView(name, BasicFileAttributeView.class, LinkOption.NOFOLLOW_LINKS).readAttributes().isDirectory();
    }
}
