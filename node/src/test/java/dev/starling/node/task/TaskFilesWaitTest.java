package dev.starling.node.task;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.starling.gossip.desired.Kind;
import dev.starling.node.Sample;
import dev.starling.node.agent.ToldContainers;
import dev.starling.node.core.ClusterSnapshot;
import dev.starling.node.core.Document;
import dev.starling.runtime.ContainerFile;
import dev.starling.scheduler.model.Slot;
import dev.starling.scheduler.model.Task;
import dev.starling.scheduler.model.TaskReport;
import dev.starling.scheduler.model.TaskState;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A task whose secrets are not there yet waits, holds no thread meanwhile, and can be stopped. */
@Timeout(300)
class TaskFilesWaitTest {
    private static final Task TASK = Sample.task("task1", Slot.replica("web", 1), Sample.N1, TaskState.ASSIGNED, Map.of());
    private static final ContainerFile FILE = new ContainerFile("/run/secrets/db", new byte[] {1}, 0, 0, 0444);

    private final BlockingQueue<CompletableFuture<List<ContainerFile>>> asked = new LinkedBlockingQueue<>();
    private final BlockingQueue<String> reports = new LinkedBlockingQueue<>();
    private final ToldContainers containers = new ToldContainers();
    private final ClusterSnapshot snapshot = new Sample.Cluster().node(Sample.N1, "192.0.2.1", true)
            .has(Kind.SERVICE, "web", Sample.serviceBody("web", 1)).snapshot();
    private final TaskRunner tasks = new TaskRunner(containers, new Preparation(), () -> snapshot, this::reported);

    @AfterEach
    void close() {
        tasks.close();
    }

    private void reported(TaskReport report) {
        reports.add(report.state() + " " + report.error());
    }

    private String report() throws InterruptedException {
        String report = reports.poll(90, TimeUnit.SECONDS);
        assertTrue(report != null, "nothing was reported within 90 s");
        return report;
    }

    private CompletableFuture<List<ContainerFile>> question() throws InterruptedException {
        CompletableFuture<List<ContainerFile>> question = asked.poll(90, TimeUnit.SECONDS);
        assertTrue(question != null, "nobody asked within 90 s");
        return question;
    }

    @Test
    void itIsTriedAgainAndStartsOnceTheyAreThere() throws InterruptedException {
        tasks.start(TASK);
        assertEquals("PREPARING ", report());
        question().completeExceptionally(new IllegalStateException("waiting for secret db: no manager in reach"));
        assertEquals("PREPARING waiting for secret db: no manager in reach", report());
        question().completeExceptionally(new IllegalStateException("waiting for secret db: no manager in reach"));
        assertEquals("PREPARING waiting for secret db: no manager in reach", report());
        question().complete(List.of(FILE));
        assertEquals("STARTING ", report());
        assertEquals("RUNNING ", report());
        assertEquals(Map.of("task1 /run/secrets/db", FILE), containers.received);
    }

    @Test
    void oneThatIsStoppedMeanwhileNeverStarts() throws InterruptedException {
        tasks.start(TASK);
        assertEquals("PREPARING ", report());
        CompletableFuture<List<ContainerFile>> late = question();
        tasks.stop(TASK);
        assertEquals("SHUTDOWN ", report());
        tasks.remove(TASK);
        late.complete(List.of(FILE));
        tasks.close(); // lets what is queued end
        assertEquals(List.of(), containers.calls);
        assertTrue(reports.isEmpty(), reports.toString());
    }

    @Test
    void thoseThatWaitKeepNobodyElseFromStarting() throws InterruptedException {
        for (int i = 0; i < 20; i++) {
            tasks.start(Sample.task("waits" + i, Slot.replica("web", 10 + i), Sample.N1, TaskState.ASSIGNED, Map.of()));
        }
        for (int i = 0; i < 20; i++) {
            question();
        }
        tasks.start(TASK);
        question().complete(List.of());
        String report = report();
        while (!report.equals("RUNNING ")) {
            report = report();
        }
        assertEquals(List.of("start task1"), containers.calls);
    }

    private final class Preparation extends PlainPreparation {
        @Override
        public CompletableFuture<List<ContainerFile>> files(Document service, Task task, ClusterSnapshot at) {
            CompletableFuture<List<ContainerFile>> files = new CompletableFuture<>();
            asked.add(files);
            return files;
        }
    }
}
