package dev.starling.runtime.supervision;

import dev.starling.runtime.ContainerRuntime.NetworkSetup;
import java.nio.file.Path;
import java.util.List;

/** An agent in a JVM of its own, to be killed: starts one container, says so, and waits. Arguments: directory, cgroup parent, id, script, hold?, implementation, tty?. */
final class AgentProcess {
    private AgentProcess() {}

    public static void main(String[] args) throws Exception {
        Path directory = Path.of(args[0]);
        BusyboxImages images = new BusyboxImages(directory.resolve("agent-images"));
        NativeRuntime runtime = new NativeRuntime(directory.resolve("runtime"), images, Implementation.valueOf(args[5]).options(args[1], false));
        SpecBuilder spec = SpecBuilder.script(args[3]).with(s -> {
            s.id = args[2];
            s.tty = Boolean.parseBoolean(args[6]);
            s.openStdin = s.tty;
        });
        boolean hold = Boolean.parseBoolean(args[4]);
        runtime.start(spec.build(), hold ? (id, netns) -> sayAndSleep("held " + netns) : NetworkSetup.NONE);
        sayAndSleep("started " + runtime.inspect(args[2]).pid());
    }

    private static void sayAndSleep(String text) {
        System.out.println(text);
        System.out.flush();
        try {
            Thread.sleep(600_000);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Starts it, and reads its word. */
    static Process start(Lab lab, String id, String script, boolean hold, boolean tty) throws Exception {
        String classPath = System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"));
        List<String> command = List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-XX:+UseSerialGC", "-Xmx128m", "-Dstarling.runc=" + Boolean.getBoolean("starling.runc"), "-cp", classPath, AgentProcess.class.getName(),
                lab.directory.toString(), lab.options.cgroupParent(), id, script, Boolean.toString(hold), lab.implementation.name(), Boolean.toString(tty));
        return new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
    }
}
