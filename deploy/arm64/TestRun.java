import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.engine.discovery.DiscoverySelectors;
import org.junit.platform.engine.support.descriptor.MethodSource;
import org.junit.platform.launcher.Launcher;
import org.junit.platform.launcher.LauncherDiscoveryRequest;
import org.junit.platform.launcher.TestExecutionListener;
import org.junit.platform.launcher.TestIdentifier;
import org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder;
import org.junit.platform.launcher.core.LauncherFactory;

/**
 * Runs test classes one after the other in this JVM, which may be an emulated one where Maven and its fork of a JVM would cost more than the tests. A line for
 * each test goes to a file as soon as it is over, in the form of SurefireReport's, so that what was seen stays when this process is ended:
 *
 * <pre>passed|failed|skipped TAB class.test TAB reason</pre>
 *
 * and {@code class TAB NAME TAB seconds} behind those of a class. A class that is not over within its time is {@code late}, and ends the process: threads of a test
 * cannot be stopped.
 *
 * <pre>java TestRun RESULTS SECONDS_A_CLASS CLASS...</pre>
 */
public final class TestRun {
    private static final int NOT_OVER = 75;
    private static final int REASON_LENGTH = 300;

    private final Path results;

    private TestRun(Path results) {
        this.results = results;
    }

    public static void main(String[] arguments) throws Exception {
        TestRun run = new TestRun(Path.of(arguments[0]));
        int seconds = Integer.parseInt(arguments[1]);
        for (String name : List.of(arguments).subList(2, arguments.length)) {
            run.run(name, seconds);
        }
        System.exit(0); // threads that a test left behind
    }

    private void run(String name, int seconds) throws InterruptedException {
        // deadlines of tests are made for real processors; those of a class are here
        LauncherDiscoveryRequest request = LauncherDiscoveryRequestBuilder.request().selectors(DiscoverySelectors.selectClass(name))
                .configurationParameter("junit.jupiter.execution.timeout.mode", "disabled").build();
        Launcher launcher = LauncherFactory.create();
        long begin = System.nanoTime();
        CompletableFuture<Void> over = CompletableFuture.runAsync(() -> launcher.execute(request, new Lines()), work -> new Thread(work, "tests").start());
        try {
            over.get(seconds, TimeUnit.SECONDS);
            write("class", name, String.valueOf(Duration.ofNanos(System.nanoTime() - begin).toSeconds()));
        } catch (TimeoutException late) {
            write("late", name, "the class was not over after " + seconds + " s");
            Runtime.getRuntime().halt(NOT_OVER);
        } catch (ExecutionException failure) {
            write("failed", name, String.valueOf(failure.getCause()));
            write("class", name, "0");
        }
    }

    private synchronized void write(String what, String name, String reason) {
        String line = what + '\t' + name + '\t' + (reason.length() > REASON_LENGTH ? reason.substring(0, REASON_LENGTH) : reason).replaceAll("\\s+", " ") + '\n';
        try {
            Files.write(results, line.getBytes(StandardCharsets.UTF_8), StandardOpenOption.CREATE, StandardOpenOption.APPEND);
        } catch (IOException failure) {
            throw new IllegalStateException("cannot write " + results, failure);
        }
    }

    private final class Lines implements TestExecutionListener {
        @Override
        public void executionSkipped(TestIdentifier test, String reason) {
            write("skipped", name(test), reason);
        }

        @Override
        public void executionFinished(TestIdentifier test, TestExecutionResult result) {
            String reason = result.getThrowable().map(String::valueOf).orElse("");
            switch (result.getStatus()) {
                case SUCCESSFUL -> {
                    if (test.isTest()) {
                        write("passed", name(test), "");
                    }
                }
                case ABORTED -> write("skipped", name(test), reason); // of a class, too: none of its tests runs
                case FAILED -> write("failed", name(test), reason);
                default -> throw new IllegalStateException("JUnit has a new status: " + result.getStatus());
            }
        }

        private String name(TestIdentifier test) {
            return test.getSource().filter(MethodSource.class::isInstance).map(MethodSource.class::cast)
                    .map(method -> method.getClassName() + "." + method.getMethodName()).orElse(test.getLegacyReportingName());
        }
    }
}
