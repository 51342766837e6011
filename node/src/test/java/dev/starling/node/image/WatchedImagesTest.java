package dev.starling.node.image;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.image.Image;
import dev.starling.runtime.image.ImageStore;
import java.io.InputStream;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

class WatchedImagesTest {
    /** One image under some tags; "bad" is refused. */
    private static final class Store implements ImageStore {
        private final List<String> tags = new ArrayList<>();

        @Override
        public List<String> load(InputStream archive) {
            if (archive == null) {
                throw RuntimeShimException.invalid("no image");
            }
            tags.add("web:1");
            return List.of("Loaded image: web:1");
        }

        @Override
        public List<Image> list() {
            return tags.isEmpty() ? List.of() : List.of(new Image("sha256:1", List.copyOf(tags), List.of("web@sha256:2"), Instant.EPOCH, "linux",
                    "amd64", "", List.of(), 1, new Image.Config(List.of(), List.of(), List.of(), "", "", "", Map.of(), List.of(), List.of())));
        }

        @Override
        public Image find(String reference) {
            return list().get(0);
        }

        @Override
        public void tag(String reference, String newTag) {
            tags.add(newTag);
        }

        @Override
        public List<String> remove(String reference, boolean force) {
            tags.remove(reference);
            return List.of("Untagged: " + reference);
        }

        @Override
        public List<Path> layerDirectories(Image image) {
            throw new AssertionError("not expected");
        }
    }

    @Test
    void eachChangeIsToldAfterItHappened() {
        WatchedImages images = new WatchedImages(new Store());
        List<Set<String>> told = new ArrayList<>();
        images.onChange(() -> told.add(images.names()));
        images.load(InputStream.nullInputStream());
        images.tag("web:1", "web:2");
        images.remove("web:1", false);
        assertEquals(List.of(Set.of("sha256:1", "web:1", "web@sha256:2", "sha256:2"),
                Set.of("sha256:1", "web:1", "web:2", "web@sha256:2", "sha256:2"), Set.of("sha256:1", "web:2", "web@sha256:2", "sha256:2")), told);
    }

    @Test
    void whatFailedOrOnlyLookedIsNoChange() {
        WatchedImages images = new WatchedImages(new Store());
        images.tag("x", "web:1");
        images.onChange(() -> {
            throw new AssertionError("nothing changed");
        });
        assertThrows(RuntimeShimException.class, () -> images.load(null));
        images.list();
        images.find("web:1");
        images.names();
    }
}
