package dev.starling.runtime.image;

import static dev.starling.runtime.image.FileSystemCalls.ELOOP;
import static dev.starling.runtime.image.FileSystemCalls.ENOENT;
import static dev.starling.runtime.image.FileSystemCalls.ENOTDIR;

import dev.starling.runtime.RuntimeShimException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * The way from a layer's root down to one directory, each directory on it open, each opened relative to the one before and never through a link. The next
 * entry of an archive is mostly in the same directory or near it, so the part of the way that both have in common stays open: most entries open nothing.
 *
 * <pre>
 * enter(usr, lib)          opens usr, lib
 * enter(usr, lib)          opens nothing
 * enter(usr, bin)          closes lib, opens bin
 * </pre>
 *
 * <p>An open directory stays the same one whatever its name stands for later. So the caller must remove or replace nothing that is on the way: entries of
 * the directory that was entered last are not, for the way ends there. There are at most as many descriptors as the caller's paths have components.
 */
final class DirectoryChain implements AutoCloseable {
    private final FileSystemCalls calls;
    private final String shownRoot;
    private final int root;
    private final List<Step> steps = new ArrayList<>();

    private record Step(String name, int descriptor) {}

    /** Something on the way is no directory. */
    static final class NotADirectory extends RuntimeException {
        private static final long serialVersionUID = 1;
        private final String component;

        NotADirectory(String component) {
            super(component, null, false, false);
            this.component = component;
        }

        String component() {
            return component;
        }
    }

    /** @param root is trusted: it is opened by its path */
    DirectoryChain(FileSystemCalls calls, Path root) {
        this.calls = calls;
        this.shownRoot = root.toString();
        this.root = calls.openDirectory(shownRoot);
    }

    /**
     * @param path        components, none of them empty, {@code .} or {@code ..}; no component is the root itself
     * @param makeMissing with mode 0755; else ENOENT
     * @return a descriptor that is good until the next call
     * @throws NotADirectory where a component is something else, a link too
     */
    int enter(List<String> path, boolean makeMissing) {
        int common = 0;
        while (common < steps.size() && common < path.size() && steps.get(common).name.equals(path.get(common))) {
            common++;
        }
        leave(common);
        for (String component : path.subList(common, path.size())) {
            steps.add(new Step(component, open(current(), component, makeMissing)));
        }
        return current();
    }

    private int current() {
        return steps.isEmpty() ? root : steps.get(steps.size() - 1).descriptor;
    }

    private int open(int directory, String component, boolean makeMissing) {
        String shown = shownRoot + "/.../" + TarEntry.shown(component);
        try {
            return calls.openDirectory(directory, component, shown);
        } catch (RuntimeShimException failure) {
            if (failure.errno() == ENOTDIR || failure.errno() == ELOOP) {
                throw new NotADirectory(component);
            }
            if (failure.errno() != ENOENT || !makeMissing) {
                throw failure;
            }
        }
        calls.makeDirectory(directory, component, shown);
        calls.changeMode(directory, component, 0755, shown);
        return calls.openDirectory(directory, component, shown);
    }

    private void leave(int remaining) {
        while (steps.size() > remaining) {
            calls.close(steps.remove(steps.size() - 1).descriptor);
        }
    }

    @Override
    public void close() {
        leave(0);
        calls.close(root);
    }
}
