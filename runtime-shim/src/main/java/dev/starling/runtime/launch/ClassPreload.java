package dev.starling.runtime.launch;

import dev.starling.runtime.RuntimeShimException;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;
import java.util.stream.Stream;

/**
 * Loads all classes which a thread may use after it has entered an image's root directory. Looked up there, a class would not be found, or,
 * worse, would be the image's. All of ours are taken but those of the image store, so that there is no list to forget one in.
 *
 * <p>Classes of libraries are loaded by running them once, see {@link WarmUp}: their jars are open by then.
 */
public final class ClassPreload {
    private static final String BASE = "dev/starling/runtime/";
    private static final String IMAGE_STORE = BASE + "image/";

    private ClassPreload() {}

    public static void loadAll() {
        try {
            Path source = Path.of(ClassPreload.class.getProtectionDomain().getCodeSource().getLocation().toURI());
            List<String> names = Files.isDirectory(source) ? namesInDirectory(source) : namesInJar(source);
            for (String name : names) {
                Class.forName(name, true, ClassPreload.class.getClassLoader());
            }
        } catch (IOException | URISyntaxException | ClassNotFoundException e) {
            throw RuntimeShimException.system("load the classes needed inside containers: " + e, e);
        }
    }

    private static List<String> namesInDirectory(Path root) throws IOException {
        List<String> names = new ArrayList<>();
        try (Stream<Path> files = Files.walk(root.resolve(BASE))) {
            files.forEach(file -> add(names, root.relativize(file).toString()));
        }
        return names;
    }

    private static List<String> namesInJar(Path jar) throws IOException {
        List<String> names = new ArrayList<>();
        try (JarFile file = new JarFile(jar.toFile())) {
            for (JarEntry entry : Collections.list(file.entries())) {
                add(names, entry.getName());
            }
        }
        return names;
    }

    private static void add(List<String> names, String file) {
        boolean isClass = file.endsWith(".class") && !file.endsWith("package-info.class");
        boolean isOurs = file.startsWith(BASE) && !file.startsWith(IMAGE_STORE);
        if (isClass && isOurs) {
            names.add(file.substring(0, file.length() - ".class".length()).replace('/', '.'));
        }
    }
}
