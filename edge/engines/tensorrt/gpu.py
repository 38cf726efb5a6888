"""The GPU through pycuda: one context a process, current only where it is used."""

import atexit
import threading

from edge.engines.base import EngineUnavailable, one_line, quiet_stderr

_opened = []  # the Gpu of this process, once there is one


def open_gpu():
    """The process's Gpu. Raises EngineUnavailable saying why there is none."""
    if not _opened:
        _opened.append(Gpu(_import_pycuda()))
    return _opened[0]


def _import_pycuda():
    try:
        with quiet_stderr():
            import pycuda.driver as cuda
    except ModuleNotFoundError as error:
        raise EngineUnavailable("{} is missing beside TensorRT: pip install pycuda".format(error.name)) from error
    except ImportError as error:  # it needs the driver's library
        raise EngineUnavailable(
            "pycuda finds no NVIDIA driver ({})".format(one_line(error)), installed=False
        ) from error
    return cuda


class Gpu(object):
    """`with gpu:` makes its context the current one, in whatever thread, for one thread at a time.

    name: e.g. "NVIDIA Tegra X1, compute capability 5.3".
    """

    def __init__(self, cuda):
        """cuda: pycuda.driver. Raises EngineUnavailable when there is no device."""
        self.cuda = cuda
        try:
            cuda.init()
            device = cuda.Device(0)
            self._context = device.make_context()
        except Exception as error:  # pycuda.driver.Error and its kin
            raise EngineUnavailable("no CUDA device ({})".format(one_line(error)), installed=False) from error
        self._context.pop()
        self.name = "{}, compute capability {}.{}".format(device.name(), *device.compute_capability())
        self._lock = threading.RLock()
        self._users = []
        atexit.register(self._close)

    def __enter__(self):
        self._lock.acquire()
        try:
            self._context.push()
        except BaseException:
            self._lock.release()
            raise
        return self

    def __exit__(self, *exception):
        self._context.pop()
        self._lock.release()

    def released_at_exit(self, user):
        """user.close() is called before the context goes: TensorRT must not outlive it."""
        self._users.append(user)

    def _close(self):
        with self:
            for user in self._users:
                user.close()
        self._context.detach()


class Tensor(object):
    """One input or output: pinned memory of the host, which a copy needs not pass through another, and of the GPU.

    host: ndarray. address: of the GPU's memory, int.
    """

    def __init__(self, gpu, shape, dtype):
        self._cuda = gpu.cuda
        self.host = self._cuda.pagelocked_empty(shape, dtype)
        self._memory = self._cuda.mem_alloc(max(1, self.host.nbytes))
        self.address = int(self._memory)

    def upload(self, stream):
        """Copy to the GPU, in the stream's order."""
        self._cuda.memcpy_htod_async(self._memory, self.host, stream)

    def download(self, stream):
        """Copy to the host, in the stream's order."""
        self._cuda.memcpy_dtoh_async(self.host, self._memory, stream)
