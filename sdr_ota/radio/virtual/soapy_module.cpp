// A SoapySDR driver without hardware: "otavirtual", a place in a simulated air.
//
// It speaks to the server of sdr_ota/radio/virtual/soapy_server.py over loopback and behaves as
// USRPs do: device time in ticks of the sample rate, bursts and receptions at a given time,
// late bursts, underflows and ends of bursts that are reported after they were written, overflows
// that a read returns, writes that take only a part.

#include <SoapySDR/Device.hpp>
#include <SoapySDR/Errors.hpp>
#include <SoapySDR/Formats.hpp>
#include <SoapySDR/Registry.hpp>
#include <SoapySDR/Time.hpp>

#include "soapy_connection.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <complex>
#include <cstdint>
#include <cstring>
#include <memory>
#include <mutex>
#include <sstream>
#include <stdexcept>
#include <thread>
#include <vector>

namespace {

using Names = std::vector<std::string>;

constexpr size_t MTU = 1000;            // samples that one write or read takes at most
constexpr size_t MOST = size_t(1) << 22;  // samples that the server gives at once
constexpr int MOST_PLACES = 1024;
constexpr int PATIENCE_S = 30, SEARCH_S = 2;
constexpr int NO_EVENT = 1;  // the server's word, above all of SoapySDR's codes
constexpr float FULL_SCALE = 32768;

void refuse_unlisted(const Names &there, const std::string &name, const std::string &what) {
    if (std::find(there.begin(), there.end(), name) != there.end()) return;
    std::string all;
    for (const auto &one : there) all += " " + one;
    throw std::invalid_argument("there is no " + what + " " + name + "; there are:" + all);
}

// One stream that a client has set up.
struct OneStream {
    int direction;
    size_t channel;
    bool is_short;               // CS16 instead of CF32
    bool is_active = false;
    bool is_endless = false, goes_on = false;
    long long start = 0;         // tick of the next samples to be asked for
    size_t wanted = 0, given = 0;
    std::vector<std::complex<float>> samples{};

    // Copy samples out of or into a client's buffer, in its format.
    void give(void *buffer, size_t n) {
        const auto first = reinterpret_cast<const float *>(samples.data() + given);
        given += n;
        if (!is_short) {
            std::memcpy(buffer, first, n * sizeof samples[0]);
            return;
        }
        const auto to = static_cast<int16_t *>(buffer);
        for (size_t k = 0; k < 2 * n; k++) {
            const float code = std::nearbyint(first[k] * FULL_SCALE);
            to[k] = std::isnan(code) ? 0 : int16_t(std::clamp(code, -32768.0f, 32767.0f));
        }
    }
    std::vector<std::complex<float>> take(const void *buffer, size_t n) const {
        std::vector<std::complex<float>> taken(n);
        if (!is_short) {
            if (n) std::memcpy(taken.data(), buffer, n * sizeof taken[0]);
            return taken;
        }
        const auto from = static_cast<const int16_t *>(buffer);
        for (size_t k = 0; k < n; k++)
            taken[k] = {from[2 * k] / FULL_SCALE, from[2 * k + 1] / FULL_SCALE};
        return taken;
    }
};

class VirtualDevice : public SoapySDR::Device {
public:
    explicit VirtualDevice(const SoapySDR::Kwargs &args)
        : _air(value(args, "port"), PATIENCE_S) {
        auto answer = _air.ask(
            "HELLO " + std::to_string(whole(value(args, "place"), 0, MOST_PLACES, "place")));
        _serial = next<std::string>(answer);
        _rate = checked_rate(next<double>(answer));
        const auto ways = next<std::string>(answer);
        _has_tx = ways != "rx", _has_rx = ways != "tx";
        const auto channels = next<int>(answer);
        if (channels < 1 || channels > MOST_PLACES)
            throw std::runtime_error("the virtual air offers an impossible number of channels");
        _antennas.assign(static_cast<size_t>(channels), "TX/RX");
        _rx_antennas.assign(static_cast<size_t>(channels), "RX2");
    }

    std::string getDriverKey() const override { return "otavirtual"; }
    std::string getHardwareKey() const override { return "virtual"; }
    SoapySDR::Kwargs getHardwareInfo() const override { return {{"serial", _serial}}; }
    size_t getNumChannels(int direction) const override {
        const bool has = direction == SOAPY_SDR_RX ? _has_rx : _has_tx;
        return has ? _antennas.size() : 0;
    }
    bool getFullDuplex(int, size_t) const override { return _has_tx && _has_rx; }
    void setFrontendMapping(int direction, const std::string &mapping) override {
        check(direction, 0);
        refuse_unlisted({getFrontendMapping(direction)}, mapping, "mapping");
    }
    std::string getFrontendMapping(int direction) const override {
        std::string all;
        for (size_t k = 0; k < getNumChannels(direction); k++)
            all += (k ? " A:" : "A:") + std::string(1, static_cast<char>('A' + k));
        return all;
    }
    Names listAntennas(int direction, size_t channel) const override {
        check(direction, channel);
        return direction == SOAPY_SDR_RX ? Names{"TX/RX", "RX2"} : Names{"TX/RX"};
    }
    void setAntenna(int direction, size_t channel, const std::string &name) override {
        refuse_unlisted(listAntennas(direction, channel), name, "antenna");
        (direction == SOAPY_SDR_RX ? _rx_antennas : _antennas)[channel] = name;
    }
    std::string getAntenna(int direction, size_t channel) const override {
        check(direction, channel);
        return (direction == SOAPY_SDR_RX ? _rx_antennas : _antennas)[channel];
    }

    // Settings: the server keeps them and answers what is in force.
    void setSampleRate(int d, size_t c, double rate) override {
        _rate = checked_rate(set(d, c, "rate", rate));
    }
    double getSampleRate(int d, size_t c) const override { return get(d, c, "rate"); }
    SoapySDR::RangeList getSampleRateRange(int d, size_t c) const override {
        return check(d, c), SoapySDR::RangeList{{200e3, 56e6}};
    }
    void setFrequency(int d, size_t c, double hz, const SoapySDR::Kwargs &) override {
        set(d, c, "freq", hz);
    }
    double getFrequency(int d, size_t c) const override { return get(d, c, "freq"); }
    SoapySDR::RangeList getFrequencyRange(int d, size_t c) const override {
        return check(d, c), SoapySDR::RangeList{{70e6, 6e9}};
    }
    void setBandwidth(int d, size_t c, double hz) override { set(d, c, "bandwidth", hz); }
    double getBandwidth(int d, size_t c) const override { return get(d, c, "bandwidth"); }
    SoapySDR::RangeList getBandwidthRange(int d, size_t c) const override {
        return check(d, c), SoapySDR::RangeList{{200e3, 56e6}};
    }
    void setGain(int d, size_t c, double db) override { set(d, c, "gain", db); }
    double getGain(int d, size_t c) const override { return get(d, c, "gain"); }
    SoapySDR::Range getGainRange(int d, size_t c) const override {
        return check(d, c), d == SOAPY_SDR_TX ? SoapySDR::Range(-60, 0) : SoapySDR::Range(0, 40);
    }
    Names listClockSources() const override { return {"internal", "external"}; }
    void setClockSource(const std::string &name) override {
        refuse_unlisted(listClockSources(), name, "clock source");
        ask("CLOCK " + name);
    }
    std::string getClockSource() const override { return sources().first; }
    Names listTimeSources() const override { return {"internal", "external"}; }
    void setTimeSource(const std::string &name) override {
        refuse_unlisted(listTimeSources(), name, "time source");
        ask("TIME " + name);
    }
    std::string getTimeSource() const override { return sources().second; }
    Names listSensors() const override { return {"ref_locked", "temp"}; }
    std::string readSensor(const std::string &name) const override {
        refuse_unlisted(listSensors(), name, "sensor");
        if (name == "temp") return "41.5";
        auto answer = ask("LOCKED");
        return next<int>(answer) ? "true" : "false";
    }

    // Time.
    bool hasHardwareTime(const std::string &) const override { return true; }
    long long getHardwareTime(const std::string &what) const override {
        return SoapySDR::ticksToTimeNs(tick(what == "PPS" ? "EDGE" : "NOW"), _rate);
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
        if (key != "pass_samples") throw std::invalid_argument("there is no setting " + key);
        ask("PASS " + std::to_string(whole(value, 0, INT64_MAX, key)));
    }

    // Streams.
    Names getStreamFormats(int d, size_t c) const override {
        return check(d, c), Names{SOAPY_SDR_CF32, SOAPY_SDR_CS16};
    }
    std::string getNativeStreamFormat(int d, size_t c, double &full_scale) const override {
        check(d, c);
        full_scale = FULL_SCALE;
        return SOAPY_SDR_CS16;
    }
    SoapySDR::Stream *setupStream(int direction, const std::string &format,
                                  const std::vector<size_t> &channels,
                                  const SoapySDR::Kwargs &) override {
        if (channels.size() > 1)
            throw std::invalid_argument("a stream has one channel here: set up one for each");
        const size_t channel = channels.empty() ? 0 : channels[0];
        refuse_unlisted(getStreamFormats(direction, channel), format, "stream format");
        const std::lock_guard<std::mutex> one_at_a_time(_mutex);
        _streams.push_back(std::make_unique<OneStream>(
            OneStream{direction, channel, format == SOAPY_SDR_CS16}));
        return reinterpret_cast<SoapySDR::Stream *>(_streams.back().get());
    }
    void closeStream(SoapySDR::Stream *stream) override {
        deactivateStream(stream, 0, 0);
        const std::lock_guard<std::mutex> one_at_a_time(_mutex);
        _streams.erase(place_of(stream));
    }
    size_t getStreamMTU(SoapySDR::Stream *) const override { return MTU; }
    int activateStream(SoapySDR::Stream *stream, int flags, long long ns, size_t count) override {
        auto &it = stream_of(stream);
        const bool has_time = flags & SOAPY_SDR_HAS_TIME;
        if (it.direction == SOAPY_SDR_RX)
            it = OneStream{it.direction, it.channel, it.is_short, true, !count, !has_time,
                           has_time ? SoapySDR::timeNsToTicks(ns, _rate) : tick("NOW"), count};
        it.is_active = true;
        return 0;
    }
    int deactivateStream(SoapySDR::Stream *stream, int, long long) override {
        auto &it = stream_of(stream);
        if (it.is_active && it.direction == SOAPY_SDR_TX) write(it, "-", nullptr, 0, true);
        it = OneStream{it.direction, it.channel, it.is_short};
        return 0;
    }

    int readStream(SoapySDR::Stream *stream, void *const *buffers, size_t count, int &flags,
                   long long &ns, long timeout_us) override {
        auto &it = stream_of(stream);
        flags = 0;
        if (it.direction != SOAPY_SDR_RX) return SOAPY_SDR_NOT_SUPPORTED;
        if (it.given == it.samples.size()) {
            const size_t n = it.is_endless ? std::min(count, MTU) : std::min(it.wanted, MOST);
            if (!it.is_active || !n) return SOAPY_SDR_TIMEOUT;
            const auto until =
                std::chrono::steady_clock::now() + std::chrono::microseconds(timeout_us);
            int code = fetch(it, n);
            while (code == SOAPY_SDR_TIMEOUT && std::chrono::steady_clock::now() < until)
                code = fetch(it, n);  // others of this world are not as far yet
            if (code) return code;
        }
        const size_t left = it.samples.size() - it.given;
        const size_t n = std::min({count, left, MTU});
        const auto first = it.start - static_cast<long long>(left);
        ns = SoapySDR::ticksToTimeNs(first, _rate);
        const bool is_end = n == left && !it.wanted && !it.is_endless;
        flags = SOAPY_SDR_HAS_TIME | (is_end ? SOAPY_SDR_END_BURST : 0);
        it.give(buffers[0], n);
        return static_cast<int>(n);
    }

    int writeStream(SoapySDR::Stream *stream, const void *const *buffers, size_t count, int &flags,
                    long long ns, long timeout_us) override {
        auto &it = stream_of(stream);
        if (it.direction != SOAPY_SDR_TX) return SOAPY_SDR_NOT_SUPPORTED;
        const bool has_time = flags & SOAPY_SDR_HAS_TIME;
        const std::string start =
            has_time ? std::to_string(SoapySDR::timeNsToTicks(ns, _rate)) : "-";
        const size_t n = std::min(count, MTU);
        const bool is_end = n == count && flags & SOAPY_SDR_END_BURST;
        const auto until =
            std::chrono::steady_clock::now() + std::chrono::microseconds(timeout_us);
        while (true) {  // a device without room blocks
            const int code = write(it, start, n ? buffers[0] : nullptr, n, is_end);
            if (code != SOAPY_SDR_TIMEOUT || std::chrono::steady_clock::now() > until) return code;
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
        }
    }

    // What became of bursts: a late one is known here only, as with USRPs.
    int readStreamStatus(SoapySDR::Stream *stream, size_t &, int &flags, long long &,
                         long) override {
        auto &it = stream_of(stream);
        flags = 0;
        if (it.direction != SOAPY_SDR_TX) return SOAPY_SDR_NOT_SUPPORTED;
        auto answer = ask("STATUS " + connector(it.direction, it.channel));
        const int code = next<int>(answer);
        if (code >= NO_EVENT) return SOAPY_SDR_TIMEOUT;
        flags = code ? 0 : SOAPY_SDR_END_BURST;
        return code;
    }

private:
    using Streams = std::vector<std::unique_ptr<OneStream>>;

    static std::string value(const SoapySDR::Kwargs &args, const std::string &key) {
        const auto found = args.find(key);
        if (found == args.end())
            throw std::invalid_argument("otavirtual needs port= and place=; " + key +
                                        "= is missing");
        return found->second;
    }
    static double checked_rate(double rate) {
        if (!(rate >= 1 && rate <= 1e12))
            throw std::runtime_error("the virtual air has an impossible sample rate");
        return rate;
    }
    void check(int direction, size_t channel) const {
        if (channel >= getNumChannels(direction))
            throw std::out_of_range(_serial + " has no " +
                                    (direction == SOAPY_SDR_RX ? "receive" : "transmit") +
                                    " channel " + std::to_string(channel));
    }
    // The server's number of a channel: receivers of a device that sends, too, come behind.
    std::string connector(int direction, size_t channel) const {
        const bool is_behind = direction == SOAPY_SDR_RX && _has_tx;
        return std::to_string(channel + (is_behind ? _antennas.size() : 0));
    }
    Streams::iterator place_of(const SoapySDR::Stream *stream) {
        const auto is_it = [stream](const auto &one) {
            return reinterpret_cast<const SoapySDR::Stream *>(one.get()) == stream;
        };
        const auto found = std::find_if(_streams.begin(), _streams.end(), is_it);
        if (found == _streams.end()) throw std::invalid_argument("this stream is not set up");
        return found;
    }
    OneStream &stream_of(const SoapySDR::Stream *stream) {
        const std::lock_guard<std::mutex> one_at_a_time(_mutex);
        return **place_of(stream);
    }
    std::istringstream ask(const std::string &line) const {
        const std::lock_guard<std::mutex> one_at_a_time(_mutex);
        return _air.ask(line);
    }
    // Get the next samples of a stream; 0, or SoapySDR's code where they have passed.
    int fetch(OneStream &it, size_t n) {
        std::ostringstream line;
        line << "HEAR " << it.start << " " << n << " " << it.goes_on;
        {
            const std::lock_guard<std::mutex> one_at_a_time(_mutex);
            auto answer = _air.ask(line.str());
            const int code = next<int>(answer);
            if (!code) {
                it.samples.resize(n);
                it.given = 0;
                _air.receive(it.samples.data(), n * sizeof it.samples[0]);
                it.start += static_cast<long long>(n);
                it.wanted -= std::min(n, it.wanted);
                it.goes_on = true;
                return 0;
            }
            if (code == SOAPY_SDR_TIMEOUT) return code;
            if (code != SOAPY_SDR_OVERFLOW) {
                it.wanted = 0;
                return std::min(code, SOAPY_SDR_TIMEOUT);
            }
        }
        it.start = tick("NOW");  // the stream goes on from here
        return SOAPY_SDR_OVERFLOW;
    }
    int write(const OneStream &it, const std::string &start, const void *data, size_t n,
              bool is_end) {
        std::ostringstream line;
        line << "WRITE " << connector(it.direction, it.channel) << " " << start << " " << n << " " << is_end;
        const auto samples = it.take(data, n);
        const std::lock_guard<std::mutex> one_at_a_time(_mutex);
        auto answer = _air.ask(line.str(), samples.data(), n * sizeof samples[0]);
        return std::min(next<int>(answer), static_cast<int>(n));
    }
    double set(int direction, size_t channel, const std::string &name, double value) const {
        check(direction, channel);
        std::ostringstream line;
        line.precision(17);
        line << "SET " << connector(direction, channel) << " " << name << " " << value;
        auto answer = ask(line.str());
        return next<double>(answer);
    }
    double get(int direction, size_t channel, const std::string &name) const {
        check(direction, channel);
        auto answer = ask("GET " + connector(direction, channel) + " " + name);
        return next<double>(answer);
    }
    std::pair<std::string, std::string> sources() const {
        auto answer = ask("SOURCES");
        auto clock = next<std::string>(answer);
        return {std::move(clock), next<std::string>(answer)};
    }
    long long tick(const std::string &question) const {
        auto answer = ask(question);
        return next<long long>(answer);
    }

    mutable Connection _air;
    mutable std::mutex _mutex;
    std::string _serial;
    bool _has_tx = false, _has_rx = true;
    double _rate = 1e6;
    Names _antennas, _rx_antennas;
    Streams _streams;
};

SoapySDR::KwargsList find(const SoapySDR::Kwargs &args) {
    if (!args.count("port")) return {};
    try {
        Connection air(args.at("port"), SEARCH_S);
        auto answer = air.ask("PLACES");
        const int places = std::min(next<int>(answer), MOST_PLACES);
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
