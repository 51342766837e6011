package dev.starling.runtime.image;

import dev.starling.runtime.RuntimeShimException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;

/**
 * One pull: manifest, config, then the layers side by side, each unpacked as soon as it is here, in whatever order that is: a layer is a directory of its own.
 * Nothing is visible before the store publishes all of it.
 *
 * @param name    what the image is to be called
 * @param sources in the order in which they are asked; the last is the registry
 * @param threads downloads run on them
 * @param unpackThreads others, so that layers that are here do not wait behind downloads
 */
record ImagePull(
        RegistryReference name, RemoteManifest manifest, List<RemoteManifest.Descriptor> layers, List<ImageSource> sources,
        BlobDownloads downloads, PullProgress progress, Executor threads, Executor unpackThreads) {

    /** What was fetched and is still to be published. */
    record Fetched(ArchivedImage image, Set<Digest> unpacked, Map<Digest, Path> blobs) {}

    /** Unpacks a layer where it is not here yet; adds it to {@code unpacked} then. Called for several layers at a time. */
    interface Unpacking {
        void unpackMissing(ImageArchive.Member layer, Digest diffId, Set<Digest> unpacked);
    }

    /** Blobs that this pull counts on. */
    List<Digest> wanted() {
        List<Digest> wanted = new ArrayList<>(layers.stream().map(RemoteManifest.Descriptor::digest).toList());
        wanted.add(manifest.config().digest());
        wanted.addAll(manifest.documents().keySet());
        return wanted;
    }

    ConfigDocument config(ImageLimits limits) {
        RemoteManifest.Descriptor descriptor = manifest.config();
        if (!descriptor.mediaType().contains("image.config") && !descriptor.mediaType().contains("container.image")) {
            throw RuntimeShimException.unsupported(name + " is an artifact of type '" + descriptor.mediaType() + "' and no image");
        }
        if (descriptor.size() > limits.documentBytes()) {
            throw RuntimeShimException.invalid("config of " + name + " has " + descriptor.size() + " bytes; " + limits.documentBytes()
                    + " are allowed");
        }
        Path file = BlobDownloads.joined(downloads.fetch(
                new BlobDownloads.Wanted(name, descriptor.digest(), descriptor.size()), sources, PullProgress.NONE, threads));
        try {
            return ConfigDocument.parse(Files.readAllBytes(file), limits);
        } catch (IOException failure) {
            throw Disk.failed("read " + file, failure);
        }
    }

    /** Blocks until all layers are here and unpacked, those aside that {@code present} has. */
    Fetched fetch(ConfigDocument config, LayerStore present, Unpacking unpacking) {
        List<ImageArchive.Member> members = new ArrayList<>();
        for (RemoteManifest.Descriptor layer : layers) {
            members.add(new ImageArchive.Member(layer.digest().abbreviated(), downloads.path(layer.digest()), layer.digest(), layer.size()));
        }
        ArchivedImage image = new ArchivedImage(config, members, List.of(name), List.copyOf(manifest.documents().keySet()));
        Map<Digest, Path> blobs = new TreeMap<>();
        List<Integer> missing = new ArrayList<>();
        for (int i = 0; i < members.size(); i++) {
            boolean here = present.has(config.diffIds().get(i));
            progress.at(members.get(i).digest(), here ? PullProgress.Step.PRESENT : PullProgress.Step.WAITING, 0, 0);
            if (!here) {
                missing.add(i);
                blobs.put(members.get(i).digest(), members.get(i).content());
            }
        }
        Set<Digest> unpacked = ConcurrentHashMap.newKeySet();
        LayersUnderWay underWay = new LayersUnderWay(missing.size());
        try {
            for (int i : missing) {
                fetch(members.get(i), config.diffIds().get(i), unpacking, unpacked, underWay);
            }
        } catch (RejectedExecutionException closed) { // by the downloads; a layer may be at work all the same
            underWay.neverBegins(LayersUnderWay.interrupted());
        }
        underWay.await();
        return new Fetched(image, unpacked, blobs);
    }

    private void fetch(ImageArchive.Member layer, Digest diffId, Unpacking unpacking, Set<Digest> unpacked, LayersUnderWay underWay) {
        downloads.fetch(new BlobDownloads.Wanted(name, layer.digest(), layer.size()), sources, progress, threads).whenComplete((file, failure) -> {
            if (failure == null) {
                unpackLater(unpacking, layer, diffId, unpacked, underWay);
            } else {
                underWay.neverBegins(unchecked(failure));
            }
        });
    }

    private static RuntimeException unchecked(Throwable failure) {
        Throwable cause = BlobDownloads.cause(failure);
        return cause instanceof RuntimeException known ? known : new CompletionException(cause);
    }

    private void unpackLater(Unpacking unpacking, ImageArchive.Member layer, Digest diffId, Set<Digest> unpacked, LayersUnderWay underWay) {
        try {
            unpackThreads.execute(() -> {
                if (!underWay.begins()) {
                    return;
                }
                try {
                    progress.at(layer.digest(), PullProgress.Step.EXTRACTING, 0, 0);
                    unpack(unpacking, layer, diffId, unpacked);
                    progress.at(layer.digest(), PullProgress.Step.COMPLETE, 0, 0);
                    underWay.done();
                } catch (RuntimeException failure) {
                    underWay.failed(failure);
                } catch (Error failure) {
                    underWay.failed(new CompletionException(failure)); // the pull must not wait for ever
                    throw failure;
                }
            });
        } catch (RejectedExecutionException closed) {
            underWay.neverBegins(LayersUnderWay.interrupted());
        }
    }

    private void unpack(Unpacking unpacking, ImageArchive.Member layer, Digest diffId, Set<Digest> unpacked) {
        try {
            unpacking.unpackMissing(layer, diffId, unpacked);
        } catch (RuntimeShimException failure) {
            if (failure.kind() == RuntimeShimException.Kind.INVALID) {
                downloads.discard(layer.digest()); // damaged on this disk, perhaps: the next try fetches it anew
            }
            throw failure;
        }
    }
}
