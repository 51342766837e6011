import dev.starling.runtime.image.Image;
import dev.starling.runtime.image.ImageStore;
import java.io.InputStream;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Map;

/** The only image of a benchmark: a directory. Public, since the source launcher loads the benchmark itself by another class loader. */
public record OneImage(Path root) implements ImageStore {
    @Override
    public Image find(String reference) {
        return new Image("bench", List.of(), List.of(), Instant.EPOCH, "linux", "", "", List.of(), 0,
                new Image.Config(List.of(), List.of(), List.of(), "", "", "", Map.of(), List.of(), List.of()));
    }

    @Override
    public List<Path> layerDirectories(Image image) {
        return List.of(root);
    }

    @Override
    public List<String> load(InputStream archive) {
        throw new UnsupportedOperationException();
    }

    @Override
    public List<Image> list() {
        throw new UnsupportedOperationException();
    }

    @Override
    public void tag(String reference, String newTag) {
        throw new UnsupportedOperationException();
    }

    @Override
    public List<String> remove(String reference, boolean force) {
        throw new UnsupportedOperationException();
    }
}
