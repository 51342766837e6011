package dev.starling.node.cli;

import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.image.ImageBuilder;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code starling image}: archives that {@code docker load} takes. */
@Command(name = "image", description = "Make image archives.", mixinStandardHelpOptions = true,
        subcommands = ImageCommand.BuildBusybox.class)
public final class ImageCommand {
    /** busybox:latest from this machine's static busybox: an image for the lab where no registry is in reach. */
    @Command(name = "build-busybox", description = "Write busybox:latest, made of Debian's busybox-static.", mixinStandardHelpOptions = true)
    public static final class BuildBusybox implements Callable<Integer> {
        @Option(names = "--busybox", paramLabel = "FILE", defaultValue = "/bin/busybox", description = "the static binary")
        private Path busybox;

        @Option(names = "--output", paramLabel = "FILE", required = true, description = "the archive to write")
        private Path output;

        @Override
        public Integer call() throws IOException {
            if (!Files.isExecutable(busybox)) {
                System.err.println("starling: " + busybox + " is not there: install the package busybox-static, or name one with --busybox");
                return 1;
            }
            try (OutputStream out = new BufferedOutputStream(Files.newOutputStream(output))) {
                ImageBuilder.busybox(Files.readAllBytes(busybox), applets()).writeTo(out);
                return 0;
            } catch (RuntimeShimException e) {
                System.err.println("starling: " + e.getMessage());
                return 1;
            }
        }

        /** What this busybox can be called as: {@code busybox --list}. */
        private List<String> applets() throws IOException {
            Process list = new ProcessBuilder(busybox.toString(), "--list").redirectError(ProcessBuilder.Redirect.DISCARD).start();
            return new String(list.getInputStream().readAllBytes(), StandardCharsets.UTF_8).lines().filter(name -> !name.isBlank()).toList();
        }
    }
}
