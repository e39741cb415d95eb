// Drives the virtual radios' SoapySDR driver with calls from a seed: good ones, nonsense, and calls
// in the wrong order. What it may do is throw; sanitizers watch the rest. Arguments: port, place,
// seed, number of calls.

#include "soapy_module.cpp"

#include <cstdio>
#include <limits>
#include <random>

namespace {

std::mt19937_64 dice;

size_t below(size_t n) { return dice() % n; }

double number() {
    const double all[] = {0, -1, 1, 1e6, 915e6, 1e30, -1e30, std::nan(""),
                          std::numeric_limits<double>::infinity()};
    return all[below(std::size(all))];
}

std::string word() {
    const char *all[] = {"", "internal", "external", "TX/RX", "RX2", "A:A", "temp", "PPS",
                         "pass_samples", "nonsense\nHELLO 0", "1000", "-5", "99999999999999999999"};
    return all[below(std::size(all))];
}

long long nanoseconds() {
    const long long all[] = {0, -1, 1000000, 1000000000, INT64_MAX, INT64_MIN, INT64_MAX / 2};
    return all[below(std::size(all))];
}

int way() { return below(2) ? SOAPY_SDR_TX : SOAPY_SDR_RX; }

class Driver {
public:
    explicit Driver(const SoapySDR::Kwargs &args) : _device(make(args)) {}

    void call() {
        switch (below(16)) {
            case 0: _device->setSampleRate(way(), below(3), number()); break;
            case 1: _device->setFrequency(way(), below(3), number(), {}); break;
            case 2: _device->setGain(way(), below(3), number()); break;
            case 3: _device->setAntenna(way(), below(3), word()); break;
            case 4: _device->setClockSource(word()), _device->getClockSource(); break;
            case 5: _device->setTimeSource(word()), _device->getTimeSource(); break;
            case 6: _device->setHardwareTime(nanoseconds(), word()); break;
            case 7: _device->getHardwareTime(word()); break;
            case 8: _device->writeSetting(word(), word()), _device->readSensor(word()); break;
            case 9: set_up(); break;
            case 10: _device->closeStream(stream()); break;
            case 11: _device->activateStream(stream(), int(below(64)), nanoseconds(), size()); break;
            case 12: _device->deactivateStream(stream(), 0, 0); break;
            case 13: case 14: move(); break;
            default: status(); break;
        }
    }

private:
    void set_up() {
        const char *formats[] = {SOAPY_SDR_CF32, SOAPY_SDR_CS16, SOAPY_SDR_CS8, ""};
        std::vector<size_t> channels(below(3));
        for (auto &channel : channels) channel = below(3);
        _streams.push_back(_device->setupStream(way(), formats[below(4)], channels, {}));
        if (_streams.size() > 8) _streams.erase(_streams.begin());
    }
    // A stream that was set up, closed again perhaps, or never.
    SoapySDR::Stream *stream() {
        if (_streams.empty() || below(10) == 0) return nullptr;
        return _streams[below(_streams.size())];
    }
    size_t size() {
        const size_t all[] = {0, 1, 500, 1000, 5000, size_t(1) << 40, SIZE_MAX};
        return all[below(std::size(all))];
    }
    void move() {
        std::vector<std::complex<float>> buffer(5000, {0.1f, std::nanf("")});
        void *const buffers[] = {buffer.data()};
        const size_t n = below(2) ? below(buffer.size() + 1) : 0;
        int flags = int(below(64));
        long long ns = nanoseconds();
        if (below(2)) _device->readStream(stream(), buffers, n, flags, ns, 0);
        else _device->writeStream(stream(), buffers, n, flags, ns, 0);
    }
    void status() {
        size_t mask = 0;
        int flags = 0;
        long long ns = 0;
        _device->readStreamStatus(stream(), mask, flags, ns, 0);
    }
    std::unique_ptr<SoapySDR::Device> _device;
    std::vector<SoapySDR::Stream *> _streams;
};

}  // namespace

int main(int, char **words) {
    const SoapySDR::Kwargs args{{"port", words[1]}, {"place", words[2]}};
    dice.seed(std::stoull(words[3]));
    const int n_calls = std::stoi(words[4]);
    int n_done = 0, n_refused = 0;
    std::unique_ptr<Driver> driver;
    for (int k = 0; k < n_calls; k++) {
        try {
            if (!driver || below(200) == 0) find(args), driver = std::make_unique<Driver>(args);
            driver->call();
            n_done++;
        } catch (const std::exception &) {
            n_refused++;
        }
    }
    std::printf("%d done, %d refused\n", n_done, n_refused);
}
