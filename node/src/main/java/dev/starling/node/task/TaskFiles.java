package dev.starling.node.task;

import dev.starling.gossip.desired.Kind;
import dev.starling.node.core.ClusterSnapshot;
import dev.starling.node.core.Document;
import dev.starling.node.secret.SecretSource;
import dev.starling.node.spec.FileReference;
import dev.starling.node.spec.TaskTemplate;
import dev.starling.runtime.ContainerFile;
import dev.starling.scheduler.model.Task;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;

/** The secrets and configs of a task as files for its container, with the values where they are: in the desired state, or with a manager. */
public final class TaskFiles {
    private final SecretSource secrets;

    public TaskFiles(SecretSource secrets) {
        this.secrets = secrets;
    }

    /** Done at once where nothing has to be asked for. Fails with "waiting for secret db: no manager in reach": another try may help. */
    CompletableFuture<List<ContainerFile>> of(Document service, Task task, ClusterSnapshot snapshot) {
        List<CompletableFuture<ContainerFile>> files = TaskTemplate.of(service, task).map(FileReference::of).orElse(List.of()).stream()
                .map(reference -> file(reference, snapshot)).toList();
        return CompletableFuture.allOf(files.toArray(CompletableFuture[]::new))
                .thenApply(all -> files.stream().map(CompletableFuture::join).toList());
    }

    private CompletableFuture<ContainerFile> file(FileReference reference, ClusterSnapshot snapshot) {
        return content(reference, snapshot).handle((content, failure) -> {
            if (failure != null) {
                Throwable cause = failure instanceof CompletionException && failure.getCause() != null ? failure.getCause() : failure;
                throw new IllegalStateException("waiting for " + reference.kind().name().toLowerCase(Locale.ROOT) + " " + reference.name() + ": "
                        + cause.getMessage(), cause);
            }
            return new ContainerFile(reference.path(), content, reference.uid(), reference.gid(), reference.mode());
        });
    }

    private CompletableFuture<byte[]> content(FileReference reference, ClusterSnapshot snapshot) {
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
