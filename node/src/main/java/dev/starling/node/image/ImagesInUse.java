package dev.starling.node.image;

import dev.starling.gossip.desired.Kind;
import dev.starling.node.core.ClusterSnapshot;
import dev.starling.node.core.Document;
import dev.starling.node.spec.TaskTemplate;
import dev.starling.runtime.Container;
import dev.starling.runtime.ContainerRuntime;
import dev.starling.runtime.image.Image;
import dev.starling.runtime.image.ImageStore;
import dev.starling.scheduler.model.Task;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Supplier;

/**
 * Which images must not go: those of this node's containers, ended ones included (as in Docker), and those of tasks that it has claimed, whose
 * containers may be about to start.
 */
public final class ImagesInUse {
    private final ContainerRuntime runtime;
    private final ImageStore images;
    private final Supplier<ClusterSnapshot> snapshots;

    /** @param snapshots gives null in no swarm */
    public ImagesInUse(ContainerRuntime runtime, ImageStore images, Supplier<ClusterSnapshot> snapshots) {
        this.runtime = runtime;
        this.images = images;
        this.snapshots = snapshots;
    }

    public boolean contains(String imageId) {
        for (Container container : runtime.list()) {
            if (is(container.spec().image(), imageId)) {
                return true;
            }
        }
        ClusterSnapshot snapshot = snapshots.get();
        return snapshot != null && snapshot.view().tasks().getOrDefault(snapshot.self(), List.of()).stream()
                .filter(task -> !task.state().isTerminal()).anyMatch(task -> is(image(task, snapshot), imageId));
    }

    private static String image(Task task, ClusterSnapshot snapshot) {
        Document service = snapshot.document(Kind.SERVICE, task.slot().serviceUid());
        return service == null ? "" : TaskTemplate.of(service, task).map(TaskTemplate::image).orElse("");
    }

    private boolean is(String reference, String imageId) {
        Image image = reference.isEmpty() ? null : images.find(reference);
        return image != null && image.id().equals(imageId);
    }

    /** Ids of the images here that a service of the swarm names, now or in the spec that it would be rolled back to. */
    Set<String> namedByServices() {
        Set<String> ids = new TreeSet<>();
        ClusterSnapshot snapshot = snapshots.get();
        if (snapshot != null) {
            for (Document service : snapshot.documents().getOrDefault(Kind.SERVICE, List.of())) {
                for (String spec : List.of("Spec", "PreviousSpec")) {
                    String reference = TaskTemplate.of(service.body().path(spec)).image();
                    Image image = reference.isEmpty() ? null : images.find(reference);
                    if (image != null) {
                        ids.add(image.id());
                    }
                }
            }
        }
        return ids;
    }
}
