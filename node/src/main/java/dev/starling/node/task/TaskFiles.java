package dev.starling.node.task;

import dev.starling.gossip.desired.Kind;
import dev.starling.node.core.ClusterSnapshot;
import dev.starling.node.core.Document;
import dev.starling.node.core.NodeReport;
import dev.starling.node.secret.SecretSource;
import dev.starling.node.spec.FileReference;
import dev.starling.node.spec.FileTemplate;
import dev.starling.node.spec.TaskTemplate;
import dev.starling.runtime.ContainerFile;
import dev.starling.runtime.RuntimeShimException;
import dev.starling.scheduler.model.NodeView;
import dev.starling.scheduler.model.Task;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;

/**
 * The secrets and configs of a task as files for its container, with the values where they are: in the desired state, or with a manager. Those that are
 * templates are filled in once all are here, since one may name another.
 */
public final class TaskFiles {
    private final SecretSource secrets;

    public TaskFiles(SecretSource secrets) {
        this.secrets = secrets;
    }

    private record Content(FileReference reference, byte[] bytes) {}

    /**
     * Done at once where nothing has to be asked for. Fails with "waiting for secret db: no manager in reach": another try may help; with a
     * {@link RuntimeShimException} where a template cannot be filled in here.
     */
    CompletableFuture<List<ContainerFile>> of(Document service, Task task, ClusterSnapshot snapshot) {
        TaskTemplate template = TaskTemplate.of(service, task).orElse(null);
        if (template == null) {
            return CompletableFuture.completedFuture(List.of());
        }
        List<CompletableFuture<Content>> contents = FileReference.of(template).stream().map(reference -> content(reference, snapshot)).toList();
        return CompletableFuture.allOf(contents.toArray(CompletableFuture[]::new)).thenApply(all -> {
            List<Content> given = contents.stream().map(CompletableFuture::join).toList();
            FileTemplate filler = given.stream().anyMatch(content -> isTemplate(content.reference(), snapshot))
                    ? filler(service, task, template, snapshot, given) : null;
            List<ContainerFile> files = new ArrayList<>();
            given.forEach(content -> files.add(file(content, isTemplate(content.reference(), snapshot) ? filler : null)));
            return files;
        });
    }

    private static boolean isTemplate(FileReference reference, ClusterSnapshot snapshot) {
        Document document = snapshot.document(reference.kind(), reference.objectUid());
        return document != null && FileTemplate.isTemplate(document.spec());
    }

    private static FileTemplate filler(Document service, Task task, TaskTemplate template, ClusterSnapshot snapshot, List<Content> given) {
        NodeReport report = snapshot.reports().get(snapshot.self());
        NodeView node = snapshot.view().nodes().get(snapshot.self());
        if (report == null || node == null) {
            throw RuntimeShimException.conflict("this node is no member of the swarm any more");
        }
        return FileTemplate.of(service, task, template, report, node.labels(), (kind, path) -> given.stream()
                .filter(content -> content.reference().kind() == kind && content.reference().path().equals(path)).map(Content::bytes).findFirst().orElse(null));
    }

    /** @param filler null where it is no template */
    private static ContainerFile file(Content content, FileTemplate filler) {
        FileReference reference = content.reference();
        try {
            byte[] bytes = filler == null ? content.bytes() : filler.fill(content.bytes());
            return new ContainerFile(reference.path(), bytes, reference.uid(), reference.gid(), reference.mode());
        } catch (IllegalArgumentException e) {
            throw RuntimeShimException.invalid("the template in " + called(reference) + " cannot be filled in: " + e.getMessage());
        }
    }

    private CompletableFuture<Content> content(FileReference reference, ClusterSnapshot snapshot) {
        return bytes(reference, snapshot).handle((bytes, failure) -> {
            if (failure != null) {
                Throwable cause = cause(failure);
                throw new IllegalStateException("waiting for " + called(reference) + ": " + cause.getMessage(), cause);
            }
            return new Content(reference, bytes);
        });
    }

    /** What files could not be had for, also where another stage of their future tells it; null for null. */
    static Throwable cause(Throwable failure) {
        return failure instanceof CompletionException && failure.getCause() != null ? failure.getCause() : failure;
    }

    private static String called(FileReference reference) {
        return reference.kind().name().toLowerCase(Locale.ROOT) + " " + reference.name();
    }

    private CompletableFuture<byte[]> bytes(FileReference reference, ClusterSnapshot snapshot) {
        if (reference.kind() == Kind.SECRET) {
            return secrets.value(reference.objectUid());
        }
        Document config = snapshot.document(Kind.CONFIG, reference.objectUid());
        if (config == null) {
            return CompletableFuture.failedFuture(new IllegalStateException("this node has not heard of it"));
        }
        try {
            return CompletableFuture.completedFuture(Base64.getDecoder().decode(config.spec().path("Data").asText("")));
        } catch (IllegalArgumentException e) {
            return CompletableFuture.failedFuture(new IllegalStateException("its data does not parse"));
        }
    }
}
