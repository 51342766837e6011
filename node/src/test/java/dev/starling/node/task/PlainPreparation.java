package dev.starling.node.task;

import dev.starling.node.core.ClusterSnapshot;
import dev.starling.node.core.Document;
import dev.starling.runtime.Container;
import dev.starling.runtime.ContainerFile;
import dev.starling.runtime.ContainerRuntime;
import dev.starling.runtime.ContainerSpec;
import dev.starling.scheduler.model.Task;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;

/** Of tasks that need nothing: their image is here, and they have no files and no networks. */
public class PlainPreparation implements TaskRunner.Preparation {
    @Override
    public ContainerSpec containerSpec(Document service, Task task, ClusterSnapshot at) {
        return ContainerSpec.of(task.id(), task.id(), "busybox:latest").withLabels(Map.of(TaskRunner.TASK_LABEL, task.id()));
    }

    @Override
    public CompletableFuture<Void> image(Document service, ContainerSpec spec, Consumer<String> tell) {
        return CompletableFuture.completedFuture(null);
    }

    @Override
    public CompletableFuture<List<ContainerFile>> files(Document service, Task task, ClusterSnapshot at) {
        return CompletableFuture.completedFuture(List.of());
    }

    @Override
    public ContainerRuntime.NetworkSetup network(Task task, ClusterSnapshot at) {
        return ContainerRuntime.NetworkSetup.NONE;
    }

    @Override
    public void awaitAnswering(Task task, Container container, ClusterSnapshot at) {}

    @Override
    public void leaveBalance(Task task, ClusterSnapshot at) {}
}
