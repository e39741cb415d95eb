// A SoapySDR driver without hardware: "otavirtual", a place in a simulated air.
//
// It speaks to the server of sdr_ota/radio/virtual/soapy_server.py over loopback and behaves as
// USRPs do: device time in ticks of the sample rate, bursts and receptions at a given time,
// late bursts that are reported after they were written, writes that take only a part.

#include <SoapySDR/Device.hpp>
#include <SoapySDR/Errors.hpp>
#include <SoapySDR/Formats.hpp>
#include <SoapySDR/Registry.hpp>
#include <SoapySDR/Time.hpp>

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <complex>
#include <cstring>
#include <deque>
#include <mutex>
#include <sstream>
#include <stdexcept>
#include <utility>

namespace {

constexpr size_t MTU = 1000;  // samples that one write or read takes at most

class Connection {
public:
    explicit Connection(int port) : _socket(::socket(AF_INET, SOCK_STREAM, 0)) {
        sockaddr_in there{};
        there.sin_family = AF_INET;
        there.sin_port = htons(static_cast<uint16_t>(port));
        there.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (::connect(_socket, reinterpret_cast<sockaddr *>(&there), sizeof there) != 0) {
            ::close(_socket);
            throw std::runtime_error("no virtual air is served at port " + std::to_string(port));
        }
        int on = 1;
        ::setsockopt(_socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    ~Connection() { ::close(_socket); }
    Connection(const Connection &) = delete;
    Connection &operator=(const Connection &) = delete;

    // Ask one line, with data behind it, and return what follows OK.
    std::istringstream ask(const std::string &line, const void *data = nullptr, size_t size = 0) {
        send(line.data(), line.size());
        send("\n", 1);
        if (size) send(data, size);
        std::string answer;
        for (char c = 0; (receive(&c, 1), c != '\n');) answer += c;
        if (answer.compare(0, 3, "OK ") != 0) throw std::runtime_error(answer);
        return std::istringstream(answer.substr(3));
    }
    void receive(void *data, size_t size) {
        for (auto at = static_cast<char *>(data); size;) {
            const auto got = ::recv(_socket, at, size, 0);
            if (got <= 0) throw std::runtime_error("the virtual air has gone");
            at += got, size -= static_cast<size_t>(got);
        }
    }

private:
    void send(const void *data, size_t size) {
        for (auto at = static_cast<const char *>(data); size;) {
            const auto sent = ::send(_socket, at, size, MSG_NOSIGNAL);
            if (sent <= 0) throw std::runtime_error("the virtual air has gone");
            at += sent, size -= static_cast<size_t>(sent);
        }
    }
    int _socket;
};

class VirtualDevice : public SoapySDR::Device {
public:
    explicit VirtualDevice(const SoapySDR::Kwargs &args)
        : _air(std::stoi(args.at("port"))) {
        auto answer = _air.ask("HELLO " + args.at("place"));
        int is_receiver = 0;
        answer >> _serial >> _rate >> is_receiver;
        _direction = is_receiver ? SOAPY_SDR_RX : SOAPY_SDR_TX;
    }

    std::string getDriverKey() const override { return "otavirtual"; }
    std::string getHardwareKey() const override { return "virtual"; }
    SoapySDR::Kwargs getHardwareInfo() const override { return {{"serial", _serial}}; }
    size_t getNumChannels(int direction) const override { return direction == _direction; }
    bool getFullDuplex(int, size_t) const override { return false; }

    // Settings: the server keeps them and answers what is in force.
    void setSampleRate(int, size_t, double rate) override { _rate = set("rate", rate); }
    double getSampleRate(int, size_t) const override { return get("rate"); }
    SoapySDR::RangeList getSampleRateRange(int, size_t) const override { return {{200e3, 56e6}}; }
    void setFrequency(int, size_t, double hz, const SoapySDR::Kwargs &) override { set("freq", hz); }
    double getFrequency(int, size_t) const override { return get("freq"); }
    SoapySDR::RangeList getFrequencyRange(int, size_t) const override { return {{70e6, 6e9}}; }
    void setBandwidth(int, size_t, double hz) override { set("bandwidth", hz); }
    double getBandwidth(int, size_t) const override { return get("bandwidth"); }
    void setGain(int, size_t, double db) override { set("gain", db); }
    double getGain(int, size_t) const override { return get("gain"); }
    SoapySDR::Range getGainRange(int direction, size_t) const override {
        return direction == SOAPY_SDR_TX ? SoapySDR::Range(-60, 0) : SoapySDR::Range(0, 40);
    }
    std::vector<std::string> listClockSources() const override { return {"internal", "external"}; }
    void setClockSource(const std::string &name) override { ask("CLOCK " + name); }
    std::vector<std::string> listTimeSources() const override { return {"internal", "external"}; }
    void setTimeSource(const std::string &name) override { ask("TIME " + name); }
    std::vector<std::string> listSensors() const override { return {"ref_locked", "temp"}; }
    std::string readSensor(const std::string &name) const override {
        if (name == "temp") return "41.5";
        int locked = 0;
        ask("LOCKED") >> locked;
        return locked ? "true" : "false";
    }

    // Time.
    bool hasHardwareTime(const std::string &) const override { return true; }
    long long getHardwareTime(const std::string &what) const override {
        long long tick = 0;
        ask(what == "PPS" ? "EDGE" : "NOW") >> tick;
        return SoapySDR::ticksToTimeNs(tick, _rate);
    }
    void setHardwareTime(long long ns, const std::string &what) override {
        const auto tick = SoapySDR::timeNsToTicks(ns, _rate);
        ask((what == "PPS" ? "ZERO " : "JUMP ") + std::to_string(tick));
    }

    // Time of the virtual world: a setting that no real device has.
    SoapySDR::ArgInfoList getSettingInfo() const override {
        SoapySDR::ArgInfo passed;
        passed.key = "pass_samples";
        passed.value = "0";
        passed.name = "time that passes";
        passed.description = "so many samples of time pass in the virtual world";
        passed.type = SoapySDR::ArgInfo::INT;
        return {passed};
    }
    void writeSetting(const std::string &key, const std::string &value) override {
        if (key != "pass_samples") throw std::runtime_error("there is no setting " + key);
        ask("PASS " + std::to_string(std::stoll(value)));
    }

    // Streams.
    std::vector<std::string> getStreamFormats(int, size_t) const override { return {SOAPY_SDR_CF32}; }
    std::string getNativeStreamFormat(int, size_t, double &full_scale) const override {
        full_scale = 1.0;
        return SOAPY_SDR_CF32;
    }
    SoapySDR::Stream *setupStream(int direction, const std::string &format,
                                  const std::vector<size_t> &, const SoapySDR::Kwargs &) override {
        if (direction != _direction || format != SOAPY_SDR_CF32)
            throw std::runtime_error("this place only " +
                                     std::string(_direction == SOAPY_SDR_RX ? "receives" : "sends") +
                                     " CF32");
        return reinterpret_cast<SoapySDR::Stream *>(this);
    }
    void closeStream(SoapySDR::Stream *) override { forget(); }
    size_t getStreamMTU(SoapySDR::Stream *) const override { return MTU; }
    int activateStream(SoapySDR::Stream *, int flags, long long ns, size_t count) override {
        if (_direction == SOAPY_SDR_TX) return 0;
        forget();
        _start = flags & SOAPY_SDR_HAS_TIME ? SoapySDR::timeNsToTicks(ns, _rate) : now();
        _wanted = count;
        _endless = !count;
        return 0;
    }
    int deactivateStream(SoapySDR::Stream *, int, long long) override {
        forget();
        return 0;
    }

    int readStream(SoapySDR::Stream *, void *const *buffers, size_t count, int &flags,
                   long long &ns, long) override {
        flags = 0;
        if (_endless && _given == _samples.size()) {
            _start += static_cast<long long>(_samples.size());
            _wanted = std::min(count, MTU);
        }
        if (_wanted) {
            const auto n = std::exchange(_wanted, 0);
            const std::lock_guard<std::mutex> one_at_a_time(_mutex);
            int code = 0;
            _air.ask("HEAR " + std::to_string(_start) + " " + std::to_string(n)) >> code;
            if (code) return code;
            _samples.resize(n);
            _air.receive(_samples.data(), n * sizeof _samples[0]);
            _given = 0;
        }
        const size_t left = _samples.size() - _given;
        if (!left) return SOAPY_SDR_TIMEOUT;
        const size_t n = std::min({count, left, MTU});
        std::memcpy(buffers[0], _samples.data() + _given, n * sizeof _samples[0]);
        ns = SoapySDR::ticksToTimeNs(_start + static_cast<long long>(_given), _rate);
        flags = SOAPY_SDR_HAS_TIME | (n == left && !_endless ? SOAPY_SDR_END_BURST : 0);
        _given += n;
        return static_cast<int>(n);
    }

    int writeStream(SoapySDR::Stream *, const void *const *buffers, size_t count, int &flags,
                    long long ns, long) override {
        if (_samples.empty())
            _start = flags & SOAPY_SDR_HAS_TIME ? SoapySDR::timeNsToTicks(ns, _rate) : now();
        const size_t n = std::min(count, MTU);
        const auto first = static_cast<const std::complex<float> *>(buffers[0]);
        _samples.insert(_samples.end(), first, first + n);
        if (n == count && flags & SOAPY_SDR_END_BURST) {
            int code = 0;
            const auto size = std::to_string(_samples.size());
            ask("SEND " + std::to_string(_start) + " " + size, _samples.data(),
                _samples.size() * sizeof _samples[0]) >> code;
            _events.push_back(code);
            _samples.clear();
        }
        return static_cast<int>(n);
    }

    // What became of bursts: a late one is known here only, as with USRPs.
    int readStreamStatus(SoapySDR::Stream *, size_t &, int &flags, long long &, long) override {
        if (_events.empty()) return SOAPY_SDR_TIMEOUT;
        const int code = _events.front();
        _events.pop_front();
        flags = code ? 0 : SOAPY_SDR_END_BURST;
        return code;
    }

private:
    std::istringstream ask(const std::string &line, const void *data = nullptr,
                           size_t size = 0) const {
        const std::lock_guard<std::mutex> one_at_a_time(_mutex);
        return _air.ask(line, data, size);
    }
    double set(const std::string &name, double value) const {
        std::ostringstream line;
        line.precision(17);
        line << "SET " << name << " " << value;
        double there = 0;
        ask(line.str()) >> there;
        return there;
    }
    double get(const std::string &name) const {
        double there = 0;
        ask("GET " + name) >> there;
        return there;
    }
    long long now() const {
        long long tick = 0;
        ask("NOW") >> tick;
        return tick;
    }
    void forget() { _samples.clear(), _given = 0, _wanted = 0, _endless = false; }

    mutable Connection _air;
    mutable std::mutex _mutex;
    std::string _serial;
    int _direction = SOAPY_SDR_RX;
    double _rate = 1e6;
    long long _start = 0;
    size_t _wanted = 0, _given = 0;
    bool _endless = false;
    std::vector<std::complex<float>> _samples;
    std::deque<int> _events;
};

SoapySDR::KwargsList find(const SoapySDR::Kwargs &args) {
    if (!args.count("port")) return {};
    try {
        Connection air(std::stoi(args.at("port")));
        int places = 0;
        air.ask("PLACES") >> places;
        SoapySDR::KwargsList all;
        for (int place = 0; place < places; place++) {
            SoapySDR::Kwargs one{{"port", args.at("port")}, {"place", std::to_string(place)}};
            one["label"] = "virtual radio, place " + one["place"];
            if (!args.count("place") || args.at("place") == one["place"]) all.push_back(one);
        }
        return all;
    } catch (const std::exception &) {
        return {};
    }
}

SoapySDR::Device *make(const SoapySDR::Kwargs &args) { return new VirtualDevice(args); }

SoapySDR::Registry registered("otavirtual", &find, &make, SOAPY_SDR_ABI_VERSION);

}  // namespace
