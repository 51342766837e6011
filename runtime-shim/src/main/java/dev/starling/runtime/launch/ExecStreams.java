package dev.starling.runtime.launch;

import static dev.starling.runtime.kernel.Flags.O_RDONLY;

import dev.starling.runtime.kernel.Descriptor;
import dev.starling.runtime.kernel.Kernel;
import dev.starling.runtime.kernel.SpawnActions;
import java.util.ArrayList;
import java.util.List;

/** The standard streams of an added process: pipes, or a terminal, which only the thread inside the container can open. */
final class ExecStreams {
    private final Kernel kernel;
    private final ExecRequest.TerminalSize size;
    private final Pipe input;
    private final Pipe output;
    private final Pipe error;
    private final List<Descriptor> open = new ArrayList<>();
    private Terminal terminal;

    /** @param size of a terminal; null for pipes */
    ExecStreams(Kernel kernel, ExecRequest.TerminalSize size, boolean withInput) {
        this.kernel = kernel;
        this.size = size;
        this.input = withInput && size == null ? pipe() : null;
        this.output = size == null ? pipe() : null;
        this.error = size == null ? pipe() : null;
    }

    private Pipe pipe() {
        Pipe pipe = Pipe.open(kernel);
        open.add(pipe.reader());
        open.add(pipe.writer());
        return pipe;
    }

    /** On the thread inside, with the agent's rights. The owner may open {@code /dev/stdout} again by name. */
    void prepare(SpawnActions actions, Identity owner) {
        if (size != null) {
            terminal = Terminal.open(kernel, owner);
            open.add(terminal.master());
            if (size.rows() > 0) {
                Terminal.resize(kernel, terminal.master(), size.rows(), size.columns());
            }
            terminal.becomeControlling(actions);
            return;
        }
        if (input == null) {
            actions.open(0, "/dev/null", O_RDONLY);
        } else {
            kernel.check(kernel.libc().fchown(input.reader().number(), owner.uid(), owner.gid()), "chown stdin");
            actions.duplicate(input.reader().number(), 0);
        }
        kernel.check(kernel.libc().fchown(output.writer().number(), owner.uid(), owner.gid()), "chown stdout");
        kernel.check(kernel.libc().fchown(error.writer().number(), owner.uid(), owner.gid()), "chown stderr");
        actions.duplicate(output.writer().number(), 1).duplicate(error.writer().number(), 2);
    }

    /** Closes the process's ends: only it has them from now on, so their end is its end. */
    ExecChild handOver(int pid, Descriptor process) {
        if (size != null) {
            return new ExecChild(pid, process, terminal.master().duplicate(), terminal.master(), null, true);
        }
        output.writer().close();
        error.writer().close();
        Pipe.neverBlock(kernel, output.reader());
        Pipe.neverBlock(kernel, error.reader());
        if (input != null) {
            input.reader().close();
            Pipe.neverBlock(kernel, input.writer());
        }
        return new ExecChild(pid, process, input == null ? null : input.writer(), output.reader(), error.reader(), false);
    }

    /** After a failure. */
    void closeAll() {
        open.forEach(Descriptor::close);
    }
}
